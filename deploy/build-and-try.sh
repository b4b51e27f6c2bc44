#!/bin/sh
# Builds the image without a container engine, registry or base image (buildah on a Debian base made here), runs it as a
# cluster would (read-only root, no capabilities, no way to gain any), calls it, and stops it with SIGTERM.
# Usage: deploy/build-and-try.sh [--install] [--keep FILE]
#   --install      first install the Debian packages that are missing
#   --keep FILE    leave the image there as an archive that `docker load` and `podman load` read
# Needs root on Debian 12 or later. Exit codes: 0 all proven; 1 something failed; 77 cannot be tried here.
set -eu
MOST_BYTES=250000000
GRACE_SECONDS=40
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin

cannot() { echo "cannot try the image here: $1" >&2; exit 77; }
failed() { echo "FAILED: $1" >&2; exit 1; }
step() { echo "== $1"; }

install=no keep=
while [ $# -gt 0 ]; do
  case $1 in
    --install) install=yes ;;
    --keep) [ $# -ge 2 ] || { echo "--keep needs the name of a file" >&2; exit 2; }; keep=$2; shift ;;
    *) sed -n '2,/^set /s/^# //p' "$0" >&2; exit 2 ;;
  esac
  shift
done

[ "$(id -u)" = 0 ] || cannot "root is needed"
# shellcheck disable=SC1091
. /etc/os-release
[ "${ID:-}" = debian ] || cannot "Debian is needed"
missing=
for tool in buildah podman runc debootstrap; do
  command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
  [ "$install" = yes ] || cannot "without$missing; --install installs what is missing"
  # shellcheck disable=SC2086 # a list
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
    >/dev/null || cannot "could not install$missing"
fi
# A base of the release that runs here, from where its packages came.
# shellcheck disable=SC2016 # the names are apt's own
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' | awk -v r="$VERSION_CODENAME" '$1 == r {print $2; exit}')
[ -n "$mirror" ] || cannot "apt has no source for $VERSION_CODENAME"

work=$(mktemp -d)
name="trialhook-try-$$"
engine() { podman --runtime runc --cgroup-manager=cgroupfs "$@"; }
clean() {
  engine rm -f -v "$name" >/dev/null 2>&1 || true
  buildah rm -a >/dev/null 2>&1 || true # the storage is this run's own
  umount "$work/storage/overlay" 2>/dev/null || true
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP
mkdir "$work/tmp"
cat > "$work/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$work/storage"
runroot = "$work/run"
CONF
export CONTAINERS_STORAGE_CONF="$work/storage.conf" TMPDIR="$work/tmp"

step "base: Debian $VERSION_CODENAME with Python"
root="$work/root"
quietly() { "$@" > "$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; failed "$1"; }; }
imported() {
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* \
    "$root"/usr/share/man/* "$root"/usr/share/locale/*
  tar -C "$root" --numeric-owner -cf "$work/base.tar" .
  quietly podman import -q "$work/base.tar" "localhost/trialhook-$1:try"
  rm "$work/base.tar"
}
# The stage that builds has pip in its wheels, the one that runs has not.
quietly debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$VERSION_CODENAME" "$root" "$mirror"
imported build-base
# shellcheck disable=SC2016 # and these dpkg's
wheels=$(chroot "$root" dpkg-query -W -f '${Package}\n' '*-venv' 'python3-*-whl' | sort -u)
# shellcheck disable=SC2086 # a list
quietly chroot "$root" dpkg --purge $wheels
imported base
rm -rf "$root"

step "build"
set --
if [ -s /etc/ssl/certs/ca-certificates.crt ]; then set -- --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt; fi
if [ -s /etc/pip.conf ]; then set -- "$@" --secret id=pipconf,src=/etc/pip.conf; fi
quietly buildah bud --isolation chroot --format docker --build-arg BASE=localhost/trialhook-base:try \
  --build-arg BUILD_BASE=localhost/trialhook-build-base:try "$@" -t localhost/trialhook:try .
bytes=$(podman image inspect --format '{{.Size}}' localhost/trialhook:try)
echo "size: $((bytes / 1000000)) MB"
[ "$bytes" -lt "$MOST_BYTES" ] || failed "the image has $bytes bytes, under $MOST_BYTES were expected"

step "run"
# The open files and processes are set since not every root may raise its own; the health check is called below.
contained() {
  engine run --name "$name" --network none --health-interval=disable --ulimit nofile=1024:1024 \
    --ulimit nproc=1024:1024 --read-only --read-only-tmpfs=false --tmpfs /tmp:rw,size=64m --cap-drop=ALL \
    --security-opt no-new-privileges -m 512m --pids-limit 128 "$@"
}
quietly contained -d -e TRIALHOOK_AUTH=none localhost/trialhook:try
logs() { engine logs "$name" 2>&1 | tail -n 20 >&2; }
# The image has no tool to call itself with but Python.
engine exec -i "$name" python - < deploy/try_service.py || { logs; failed "the service did not answer as expected"; }
engine healthcheck run "$name" >/dev/null || failed "the health check"
label=$(podman image inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}}' localhost/trialhook:try)
engine exec "$name" trialhook --version | grep -qF "$label" || failed "the label says version $label, the command does not"
patients=$(engine exec "$name" python -c 'from importlib.resources import files; print(files("service.demo") / "patients")')

step "stop with SIGTERM"
engine kill --signal TERM "$name" >/dev/null
code=$(timeout "$GRACE_SECONDS" podman --runtime runc --cgroup-manager=cgroupfs wait "$name") ||
  failed "still running $GRACE_SECONDS seconds after SIGTERM"
[ "$code" = 0 ] || { logs; failed "it ended with $code after SIGTERM"; }
echo "exit code: 0"
engine rm -f -v "$name" >/dev/null 2>&1

step "screen"
# As the first process of its container, with workers.
quietly contained localhost/trialhook:try screen "$patients" --out first --workers 2 --report --progress plain
grep -F 'patients screened' "$work/log"

if [ -n "$keep" ]; then
  podman save -q --format docker-archive -o "$keep" localhost/trialhook:try
  echo "kept: $keep"
fi
step "done"
