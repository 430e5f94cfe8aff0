docker run --name 'a b' --device-cgroup-rule 'c 1:* rwm' --security-opt "seccomp=unconfined" --mount "type=bind,src=/srv/my data,dst=/data" img
