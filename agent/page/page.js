// The dashboard's script: asks for the page again and takes over what changed, draws the history, copies commands.
// Texts go into the document as text only; what the server sends is parsed without running anything in it.
'use strict';

(() => {
  const kRefreshMs = 2000;
  const kAnswerMs = 8000;  // then the agent counts as silent
  const kSvg = 'http://www.w3.org/2000/svg';

  const byId = (id) => document.getElementById(id);

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  function drawn(name, attributes = {}, ...children) {
    const made = document.createElementNS(kSvg, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // --- The page, again and again ---------------------------------------------------------------------------------

  // Makes `now` what `next` is, node by node, so that focus, selection and what is unfolded stay where they are.
  function take(now, next) {
    if (now.nodeType !== next.nodeType || now.nodeName !== next.nodeName) {
      now.replaceWith(next);
      return;
    }
    if (now.nodeType === Node.TEXT_NODE) {
      if (now.data !== next.data) now.data = next.data;
      return;
    }
    if (now.nodeType !== Node.ELEMENT_NODE || now.hasAttribute('data-keep')) return;
    for (const {name, value} of [...next.attributes]) {
      if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    }
    for (const {name} of [...now.attributes]) {
      if (!next.hasAttribute(name) && name !== 'open') now.removeAttribute(name);
    }
    const old = [...now.childNodes], fresh = [...next.childNodes];
    fresh.forEach((child, i) => (i < old.length ? take(old[i], child) : now.append(child)));
    old.slice(fresh.length).forEach((child) => child.remove());
  }

  function takeOver(text) {
    const next = new DOMParser().parseFromString(text, 'text/html');
    const script = (page) => page.querySelector('script[src]')?.getAttribute('src');
    if (script(next) !== script(document)) return location.reload();  // another version of the agent
    document.title = next.title;
    for (const part of ['link[rel=icon]', 'header', 'main']) {
      const now = document.querySelector(part), fresh = next.querySelector(part);
      if (now && fresh) take(now, fresh);
    }
    return undefined;
  }

  let heard = new Date();
  function noteAnswer(answered) {
    const silent = byId('silent');
    if (answered) heard = new Date();
    document.body.classList.toggle('stale', !answered);
    if (!answered && silent.hidden)
      silent.textContent = `The agent has not answered since ${clock(heard / 1000, true)} UTC. What is shown is of then.`;
    silent.hidden = answered;
  }

  async function ask(path, accept) {
    const answer = await fetch(path, {
      headers: {Accept: accept},
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(kAnswerMs),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer;
  }

  async function refresh() {
    if (!document.hidden) {
      try {
        const [page, history] = await Promise.all([
          ask('/', 'text/html').then((answer) => answer.text()),
          ask('/history.json', 'application/json').then((answer) => answer.json()),
        ]);
        takeOver(page);
        charts.show(history);
        noteAnswer(true);
      } catch (error) {
        noteAnswer(false);
      }
    }
    setTimeout(refresh, kRefreshMs);
  }

  // --- Commands ----------------------------------------------------------------------------------------------------

  document.addEventListener('click', async (event) => {
    const button = event.target.closest?.('button.copy');
    if (!button) return;
    const code = button.parentElement.querySelector('code');
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = 'Copied';
    } catch (error) {  // no right to: then it is selected, at least
      getSelection().selectAllChildren(code);
      button.textContent = 'Selected';
    }
  });

  // --- Numbers ---------------------------------------------------------------------------------------------------

  function clock(seconds, precise) {
    return new Date(seconds * 1000).toISOString().slice(11, precise ? 19 : 16);
  }
  function figure(value) {
    if (value >= 1e9) return `${+(value / 1e9).toPrecision(3)} G`;
    if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)} M`;
    if (value >= 1e4) return `${+(value / 1e3).toPrecision(3)} k`;
    return `${+value.toPrecision(3)}`;
  }
  function span(ms) {
    if (ms < 1000) return `${+ms.toPrecision(2)} ms`;
    if (ms < 120e3) return `${+(ms / 1e3).toPrecision(2)} s`;
    if (ms < 7200e3) return `${+(ms / 60e3).toPrecision(2)} min`;
    return `${+(ms / 3600e3).toPrecision(2)} h`;
  }

  // From 0 to a round number above `most`, in three or four steps.
  function linear(most) {
    const rough = Math.max(most, 1e-9) / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
    const top = step * Math.max(1, Math.ceil(most / step));
    const ticks = [];
    for (let tick = 0; tick <= top * 1.0001; tick += step) ticks.push(tick);
    return {ticks, at: (value) => value / top};
  }
  // For what may be half a millisecond or an hour: steps that are round as times, in ms.
  const kTimes = [0.01, 0.1, 1, 10, 100, 1e3, 10e3, 60e3, 600e3, 3600e3, 36000e3, 360000e3];
  function logarithmic(least, most) {
    const low = Math.max(kTimes.findLastIndex((time) => time <= least), 0);
    const above = kTimes.findIndex((time) => time >= most);
    const high = Math.max(above < 0 ? kTimes.length - 1 : above, low + 1);
    const every = Math.ceil((high - low) / 4);
    const ticks = kTimes.slice(low, high + 1).filter((time, i) => i % every === 0);
    const from = Math.log10(kTimes[low]), to = Math.log10(kTimes[high]);
    return {ticks, at: (value) => (Math.log10(Math.max(value, kTimes[low])) - from) / (to - from)};
  }

  // --- Charts ------------------------------------------------------------------------------------------------------

  const kMargin = {left: 50, right: 10, top: 10, bottom: 22};

  class Chart {
    // series: [[column, label, class], ...]
    constructor(title, series, format, scale, onCursor) {
      this.title = title;
      this.series = series;
      this.format = format;
      this.scale = scale;
      this.onCursor = onCursor;
      this.values = series.map(() => element('b'));
      this.plot = drawn('svg', {
        class: 'plot', role: 'slider', tabindex: '0', 'aria-label': `${title}: a moment of it`,
        'aria-valuemin': '0', 'aria-valuemax': '0', 'aria-valuenow': '0', 'aria-valuetext': 'nothing yet',
      });
      const legend = element('ul', {class: 'legend'}, ...series.map(([, label, name], i) =>
        element('li', {}, drawn('svg', {viewBox: '0 0 21 10', 'aria-hidden': 'true'},
          drawn('path', {class: `trace ${name}`, d: 'M1 5h19'})), label, this.values[i])));
      this.host = element('div', {class: 'chart'}, element('h3', {}, title), legend, this.plot);
      this.plot.addEventListener('pointermove', (event) => this.point(event));
      this.plot.addEventListener('pointerdown', (event) => this.point(event));
      this.plot.addEventListener('pointerleave', () => this.onCursor(null));
      this.plot.addEventListener('blur', () => this.onCursor(null));
      this.plot.addEventListener('keydown', (event) => this.press(event));
    }

    point(event) {
      if (!this.points?.length) return;
      const x = event.clientX - this.plot.getBoundingClientRect().left;
      this.onCursor(this.begin + (x - kMargin.left) / this.width * (this.end - this.begin));
    }
    press(event) {
      const last = (this.points?.length ?? 0) - 1;
      if (last < 0) return;
      const step = event.shiftKey ? 10 : 1, at = this.at ?? last;
      const to = {ArrowLeft: at - step, ArrowDown: at - step, ArrowRight: at + step, ArrowUp: at + step,
        Home: 0, End: last, PageUp: at + 30, PageDown: at - 30}[event.key];
      if (event.key === 'Escape') this.onCursor(null);
      if (to === undefined) return;
      event.preventDefault();
      this.onCursor(this.points[Math.max(0, Math.min(last, to))].t);
    }

    // points: [{t, step, <column>: value or null}, ...], oldest first.
    draw(points, begin, end) {
      Object.assign(this, {points, begin, end});
      const box = this.plot.getBoundingClientRect();
      if (box.width === 0) return;
      this.width = box.width - kMargin.left - kMargin.right;
      this.height = box.height - kMargin.top - kMargin.bottom;
      const values = points.flatMap((point) => this.series.map(([column]) => point[column]))
        .filter((value) => value !== null);
      const scale = this.scale(values);
      this.x = (t) => kMargin.left + (t - begin) / (end - begin) * this.width;
      this.y = (value) => kMargin.top + (1 - scale.at(value)) * this.height;
      this.cursor = drawn('g', {'aria-hidden': 'true'});
      this.plot.setAttribute('viewBox', `0 0 ${box.width} ${box.height}`);
      this.plot.replaceChildren(...this.bands(), ...this.rules(scale), ...this.times(), ...this.traces());
      if (values.length === 0)
        this.plot.append(drawn('text', {class: 'empty', x: kMargin.left + this.width / 2, y: kMargin.top + this.height / 2,
          'text-anchor': 'middle'}, 'nothing in this time'));
      this.plot.append(this.cursor);
      this.show(null);
    }

    bands() {
      const bands = [];
      const add = (name, from, to) => {
        const left = Math.max(this.x(from), kMargin.left), right = this.x(to);
        if (right > left) bands.push(drawn('rect', {class: name, x: left, y: kMargin.top,
          width: Math.max(right - left, 1.5), height: this.height}));
      };
      let away = null;
      this.points.forEach((point, i) => {
        const before = this.points[i - 1];
        if (before && stopped(before, point)) add('stopped', before.t, point.t - point.step);
        if (point.down > 0) away ??= point.t - point.step;
        const next = this.points[i + 1];
        if (away !== null && !(next?.down > 0 && !stopped(point, next))) {
          add('away', away, point.t);
          away = null;
        }
      });
      return bands;
    }
    rules(scale) {
      return scale.ticks.filter((tick) => scale.at(tick) <= 1.001).flatMap((tick, i) => {
        const y = Math.round(this.y(tick)) + 0.5;
        return [drawn('line', {class: i === 0 ? 'base' : 'rule', x1: kMargin.left, x2: kMargin.left + this.width, y1: y, y2: y}),
          drawn('text', {x: kMargin.left - 7, y: y + 3.5, 'text-anchor': 'end'}, this.format(tick))];
      });
    }
    times() {
      const wanted = (this.end - this.begin) / (this.width / 75);
      const step = [60, 120, 300, 3600, 7200, 10800, 14400, 21600, 43200].find((size) => size >= wanted) ?? 43200;
      const marks = [];
      for (let t = Math.ceil(this.begin / step) * step; t <= this.end; t += step) {
        const x = this.x(t);
        if (x > kMargin.left + this.width - 14 || x < kMargin.left + 10) continue;
        marks.push(drawn('line', {class: 'base', x1: x, x2: x, y1: kMargin.top + this.height, y2: kMargin.top + this.height + 4}),
          drawn('text', {x, y: kMargin.top + this.height + 16, 'text-anchor': 'middle'}, clock(t)));
      }
      return marks;
    }
    traces() {
      const ground = kMargin.top + this.height, shapes = [], fill = [];
      this.series.forEach(([column, , name], i) => {
        let line = '', area = '', run = [];
        const end = () => {
          if (run.length === 0) return;
          const corners = run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L');
          line += run.length === 1 ? `M${corners}h0.01` : `M${corners}`;
          area += `M${run[0][0].toFixed(1)} ${ground}L${corners}L${run.at(-1)[0].toFixed(1)} ${ground}Z`;
          run = [];
        };
        this.points.forEach((point, at) => {
          const before = this.points[at - 1];
          if (point[column] === null || (before && stopped(before, point))) end();
          if (point[column] !== null) run.push([Math.max(this.x(point.t), kMargin.left), this.y(point[column])]);
        });
        end();
        shapes.unshift(drawn('path', {class: `trace ${name}`, d: line}));
        if (i === 0 && this.series.length !== 2) fill.push(drawn('path', {class: 'fill', d: area}));
      });
      return [...fill, ...shapes];  // the first on top
    }

    // The values of the moment `t`; null: the newest.
    show(t) {
      if (!this.points?.length || !this.cursor) return null;
      let at = this.points.length - 1;
      if (t !== null) {
        at = this.points.reduce((best, point, i) =>
          Math.abs(point.t - t) < Math.abs(this.points[best].t - t) ? i : best, at);
      }
      this.at = t === null ? null : at;
      const point = this.points[at];
      const words = this.series.map(([column, label], i) => {
        const value = point[column] === null ? '-' : this.format(point[column]);
        this.values[i].textContent = value;
        return `${label} ${value}`;
      });
      if (point.down > 0) words.push('PostgreSQL away');
      this.plot.setAttribute('aria-valuemax', this.points.length - 1);
      this.plot.setAttribute('aria-valuenow', at);
      this.plot.setAttribute('aria-valuetext', `${clock(point.t, true)}: ${words.join(', ')}`);
      this.cursor.replaceChildren();
      if (t === null) return null;
      const x = this.x(point.t);
      this.cursor.append(drawn('line', {class: 'cursor', x1: x, x2: x, y1: kMargin.top, y2: kMargin.top + this.height}));
      for (const [column, , name] of this.series) {
        if (point[column] !== null)
          this.cursor.append(drawn('circle', {class: `dot ${name}`, cx: x, cy: this.y(point[column]), r: 4}));
      }
      return point;
    }
  }

  // The agent did not run between these two.
  const stopped = (before, point) => point.t - point.step - before.t > 1.5 * Math.max(point.step, before.step);

  const fromZero = (values) => linear(Math.max(...values, 0));
  const ofCounts = (values) => linear(Math.max(...values, 4));
  const ofTimes = (values) => logarithmic(Math.min(...values, 1), Math.max(...values, 10));

  const charts = {
    range: 'fine',
    spans: {fine: 600, coarse: 86400},
    cursor: null,

    begin() {
      const onCursor = (t) => this.point(t);
      this.all = [
        new Chart('Events per second', [['accepted', 'accepted', 'one'], ['delivered', 'delivered', 'two'],
          ['refused', 'refused', 'three']], figure, fromZero, onCursor),
        new Chart('Waiting for PostgreSQL, events', [['waiting', 'waiting', 'one']], figure, ofCounts, onCursor),
        new Chart('From the request to the disk', [['durable_p99', 'p99', 'one'], ['durable_p50', 'p50', 'two']],
          span, ofTimes, onCursor),
        new Chart('From the request to PostgreSQL', [['committed_p99', 'p99', 'one'], ['committed_p50', 'p50', 'two']],
          span, ofTimes, onCursor),
      ];
      const button = (range, words) => {
        const made = element('button', {type: 'button', 'aria-pressed': String(range === this.range)}, words);
        made.addEventListener('click', () => {
          this.range = range;
          for (const each of made.parentElement.children) each.setAttribute('aria-pressed', String(each === made));
          this.draw();
        });
        return made;
      };
      const key = (name, words) => element('span', {class: 'key'}, drawn('svg', {viewBox: '0 0 22 14', 'aria-hidden': 'true'},
        drawn('rect', {class: name, width: 22, height: 14})), words);
      this.moment = element('span', {class: 'at'});
      byId('charts').append(
        element('div', {class: 'tools'},
          element('div', {class: 'ranges', role: 'group', 'aria-label': 'Time shown'},
            button('fine', '10 minutes'), button('coarse', '24 hours')),
          key('away', 'PostgreSQL away'), key('stopped', 'agent not running'), this.moment),
        element('div', {class: 'charts'}, ...this.all.map((chart) => chart.host)));
      byId('charts').hidden = false;
      new ResizeObserver(() => this.draw()).observe(byId('charts'));
    },

    // Of 24 hours the newest minute comes from the fine steps.
    points() {
      const columns = (series) => series.t.map((t, i) => {
        const point = {t, step: series.step};
        for (const [name, values] of Object.entries(series)) {
          if (Array.isArray(values) && name !== 't') point[name] = values[i];
        }
        return point;
      });
      const fine = columns(this.history.fine);
      if (this.range === 'fine') return fine;
      const coarse = columns(this.history.coarse);
      const newest = coarse.at(-1)?.t ?? 0;
      return coarse.concat(fine.filter((point) => point.t > newest));
    },

    show(history) {
      this.history = history;
      this.draw();
    },
    draw() {
      if (!this.history) return;
      const all = this.points();
      const end = all.at(-1)?.t ?? Date.now() / 1000, begin = end - this.spans[this.range];
      const points = all.filter((point) => point.t > begin);
      for (const chart of this.all) chart.draw(points, begin, end);
      this.point(this.cursor);
    },
    point(t) {
      this.cursor = t;
      const shown = this.all.map((chart) => chart.show(t));
      this.moment.textContent = shown[0] ? `at ${clock(shown[0].t, true)} UTC` : '';
    },
  };

  document.documentElement.classList.add('scripted');
  charts.begin();
  refresh();
})();
