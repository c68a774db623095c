# A machine on which hookspool is not installed.
rm -rf /usr/bin/hookspool /etc/systemd/system/hookspool* /usr/lib/sysusers.d/hookspool.conf /etc/hookspool
userdel _hookspool
