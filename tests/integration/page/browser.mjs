// The dashboard in a real browser, driven by page_test.cpp: node browser.mjs URL FOLDER
//
// What page_test.cpp has to do between the steps it is asked for by a file in FOLDER (want-...). An expectation that does
// not hold ends this with a text and code 1. With HOOKSPOOL_PAGE_SHOTS=FOLDER it leaves pictures there, to be looked at.
import assert from 'node:assert/strict';
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const [url, folder] = process.argv.slice(2);
const require = createRequire(`${process.env.HOOKSPOOL_PAGE_MODULES}/`);
const {chromium} = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const kPatience = 60_000;  // ms, for each condition
const kHostile = '<img src=x onerror=alert(1)><script>alert(2)</script>';

const ask = (what) => writeFileSync(`${folder}/want-${what}`, '');
const browser = await chromium.launch({executablePath: process.env.HOOKSPOOL_CHROMIUM, args: ['--no-sandbox']});
const faults = [];

async function open(options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(kPatience);
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && faults.push(`console: ${message.text()}`));
  page.on('dialog', (dialog) => faults.push(`dialog: ${dialog.message()}`));
  page.on('request', (request) => {
    const target = request.url();
    if (!target.startsWith(url) && !target.startsWith('data:')) faults.push(`asked another machine: ${target}`);
  });
  await page.goto(url);
  return page;
}
const mode = (page, name) => page.waitForFunction((wanted) =>
  document.querySelector('#mode').textContent.startsWith(wanted) && document.title.startsWith(wanted), name);
const drawn = (page) => page.waitForFunction(() => document.querySelectorAll('.plot .trace').length > 4);

// An outage is seen to begin and to end, on a page that is loaded once.
async function outage(page) {
  await mode(page, 'online');
  await drawn(page);
  await page.locator('summary').click();
  await page.locator('.plot').first().focus();
  ask('outage');
  await mode(page, 'offline');
  await page.locator('.stop.down', {hasText: 'away'}).waitFor();
  await page.getByRole('cell', {name: 'on disk'}).first().waitFor();
  ask('end');
  await mode(page, 'online');
  await page.locator('.plot .away').first().waitFor({state: 'attached'});
  await page.waitForFunction(() => !document.querySelector('.tag.warn'));
  assert.ok(await page.locator('details').evaluate((details) => details.open), 'what was unfolded stays unfolded');
  assert.ok(await page.locator('.plot').first().evaluate((plot) => plot === document.activeElement), 'focus stays');
}

// The keyboard moves through the history, and a screen reader is given the values.
async function keyboard(page) {
  const plot = page.locator('.plot').first();
  await page.waitForFunction(() => Number(document.querySelector('.plot').getAttribute('aria-valuemax')) > 2);
  const before = Number(await plot.getAttribute('aria-valuemax'));
  await plot.press('ArrowLeft');
  await plot.press('ArrowLeft');
  assert.ok(Number(await plot.getAttribute('aria-valuenow')) <= before, 'the arrow keys move');
  assert.match(await plot.getAttribute('aria-valuetext'), /^\d\d:\d\d:\d\d: accepted .*, delivered .*, refused /);
  assert.equal(await page.locator('.plot .cursor').count(), 4, 'all charts show the same moment');
  await page.getByRole('button', {name: '24 hours'}).press('Enter');
  assert.equal(await page.getByRole('button', {name: '24 hours'}).getAttribute('aria-pressed'), 'true');
  await page.getByRole('button', {name: '10 minutes'}).press('Enter');
}

async function hostile(page) {
  assert.ok((await page.locator('main').textContent()).includes(kHostile), 'the hostile delivery id is shown as text');
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.ok(!(await page.content()).includes('SECRET-CARD'), 'no payload is shown');
}

async function accessible(page) {
  const found = await page.evaluate(`${axe}; axe.run(document, {resultTypes: ['violations', 'incomplete']})`);
  assert.ok(found.passes.length > 20, 'axe has looked');
  const text = found.violations.map(({id, help, nodes}) => `${id}: ${help}: ${nodes.map(({html}) => html).join(' | ')}`);
  assert.deepEqual(text, []);
}

async function sizes() {
  for (const colorScheme of ['light', 'dark']) {
    for (const [width, height] of [[320, 720], [800, 1000], [1280, 900]]) {
      const page = await open({viewport: {width, height}, colorScheme, reducedMotion: 'reduce'});
      await drawn(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `at ${width} px the page is ${wide} px wide`);
      if (width !== 800) await accessible(page);
      const shots = process.env.HOOKSPOOL_PAGE_SHOTS;
      if (shots) await page.screenshot({path: `${shots}/${width}-${colorScheme}.png`, fullPage: true});
      await page.context().close();
    }
  }
}

async function withoutScripts() {
  const page = await open({javaScriptEnabled: false, viewport: {width: 320, height: 720}});
  assert.match(await page.locator('#mode').innerText(), /^online: /);
  assert.match(await page.locator('.stop').first().innerText(), /\d+ accepted/);
  assert.equal(await page.locator('#charts').isVisible(), false);
  assert.equal(await page.locator('button.copy').first().isVisible(), false);
  await page.context().close();
}

async function silence(page) {
  ask('silence');
  await page.locator('#silent', {hasText: 'has not answered since'}).waitFor();
}

try {
  const page = await open({viewport: {width: 1280, height: 900}});
  await outage(page);
  await keyboard(page);
  await hostile(page);
  await withoutScripts();
  await sizes();
  assert.deepEqual(faults, []);
  await silence(page);
} catch (error) {
  console.error(error.stack ?? error, faults);
  process.exitCode = 1;
} finally {
  await browser.close();
}
