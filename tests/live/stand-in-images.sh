#!/bin/sh
# Images under the names that deploy/compose.yaml and the Dockerfile use, for an engine that no registry can be reached
# from: a Debian base with Python, and PostgreSQL from Debian's packages that heeds what the compose file says to it.
# Usage: tests/live/stand-in-images.sh FHIR-CONTEXT
#   FHIR-CONTEXT   a folder with a Dockerfile FROM debian:bookworm-slim of a FHIR R4 server at port 8080, below /fhir
# Needs root, debootstrap, and an engine that answers `docker`. What was tried with them was tried with stand-ins.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
compose=$here/../../deploy/compose.yaml
[ $# = 1 ] && [ -f "$1/Dockerfile" ] || { sed -n '2,/^set /s/^# //p' "$0" >&2; exit 2; }
image() { sed -n "s/^ *image: \($1.*\)/\1/p" "$compose"; }
base=$(sed -n 's/.*BASE:-\(.*\)}/\1/p' "$compose")
mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' | awk '$1 == "bookworm" {print $2; exit}')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase --include=ca-certificates bookworm "$work/root" "$mirror" > "$work/log"
tar -C "$work/root" --numeric-owner -c . | docker import - debian:bookworm-slim
rm -rf "$work/root"
build() { DOCKER_BUILDKIT=0 docker build --quiet --tag "$1" "$2"; }

mkdir "$work/python" "$work/postgres"
cat > "$work/python/Dockerfile" <<'FILE'
FROM debian:bookworm-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv
FILE
cat > "$work/postgres/Dockerfile" <<'FILE'
FROM debian:bookworm-slim
ENV LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-15 \
    && install -d -o postgres -m 0700 "$PGDATA"
VOLUME /var/lib/postgresql/data
COPY start /usr/local/bin/start
USER postgres
STOPSIGNAL SIGINT
ENTRYPOINT ["start"]
FILE
cat > "$work/postgres/start" <<'FILE'
#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  # Not to be reached before the database is there.
  pg_ctl --wait --options="-c listen_addresses=''" start
  createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl --wait stop
fi
exec postgres -c listen_addresses='*'
FILE
chmod 0755 "$work/postgres/start"
build "$base" "$work/python"
build "$(image postgres)" "$work/postgres"
build "$(image hapi)" "$1"
