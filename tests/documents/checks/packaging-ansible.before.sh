# The role is applied where there is something to apply it to: a real systemd (./dev documents --boot) and the package (./dev package).
deb=$(find "build/package/$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" -maxdepth 1 -name 'hookspool_*.deb' 2>/dev/null | sort | tail -n 1 || true)
if [[ -d /run/systemd/system && -n $deb ]]; then
  # A machine on which hookspool is not installed.
  rm -rf /usr/bin/hookspool /etc/systemd/system/hookspool* /usr/lib/sysusers.d/hookspool.conf /etc/hookspool
  userdel _hookspool
  systemctl daemon-reload
  apply() {
    ansible-playbook -i localhost, -c local -e ansible_python_interpreter=/usr/bin/python3 -e ansible_become=false \
      -e "hookspool_deb=$PWD/$deb" packaging/ansible/site.yml | tee /tmp/applied
  }
  to_github() { curl -s -o /dev/null -w '%{http_code}' -d '{}' -H "X-Hub-Signature-256: sha256=$signature" http://127.0.0.1:8080/hooks/github; }
  export GITHUB_WEBHOOK_SECRET=first
  signature=$(printf '{}' | openssl dgst -sha256 -hmac first -r | cut -d ' ' -f 1)
  apply
  is "$(to_github)" 200
  apply
  grep 'changed=0' /tmp/applied
  export GITHUB_WEBHOOK_SECRET=second
  apply
  is "$(to_github)" 401
fi
