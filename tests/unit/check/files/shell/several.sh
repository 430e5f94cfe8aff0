#!/bin/sh
# starts two
set -e
sudo docker run -d --name web \
  -p 80:80 \
  --cap-drop ALL --cap-add NET_BIND_SERVICE `# low ports` \
  -e PASSWORD="very-secret-word" \
  nginx:1.27

podman run --rm -it -v "$PWD:/work" --privileged alpine sh -c 'docker run x' && echo done
echo docker run is not run
