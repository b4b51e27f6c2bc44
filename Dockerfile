# The service and its command as an image. It runs as uid 10001 on a read-only root file system: only /tmp (metrics,
# passing files) and /var/lib/trialhook (SQLite, outputs of a screening) are written to.
#
# BASE is any slim Debian image with Python 3.11 or later; BUILD_BASE, where it differs, has `venv` and pip as well.
# Behind a proxy that signs anew: --secret id=ca,src=BUNDLE; for another package index: --secret id=pipconf,src=PIP.CONF.
# Neither is left in the image.
ARG BASE=python:3.11-slim-bookworm
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS build
SHELL ["/bin/sh", "-eu", "-c"]
WORKDIR /src
COPY requirements.lock requirements-dev.lock ./
# The environment is made without pip; a second one, left behind here, installs into it.
# Of the development tools only the build backend is needed, at its locked version. Of the libraries, other releases of
# FHIR than the one that is read and their own test suites are left out.
RUN --mount=type=secret,id=ca,target=/run/ca.pem --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    if [ -s /run/ca.pem ]; then export PIP_CERT=/run/ca.pem; fi; \
    python3 -m venv --without-pip /opt/venv; \
    python3 -m venv /opt/build; \
    awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' requirements-dev.lock > build.lock; \
    /opt/build/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r build.lock; \
    /opt/build/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --require-hashes \
      --only-binary :all: -r requirements.lock; \
    rm -rf /opt/venv/lib/python3.*/site-packages/fhir/resources/STU3 \
      /opt/venv/lib/python3.*/site-packages/pint/testsuite /opt/venv/lib/python3.*/site-packages/*/testing; \
    find /opt/venv/lib/python3.*/site-packages/fhir/resources -maxdepth 1 -name '*.py' ! -name __init__.py -delete
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY service service
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --no-index --wheel-dir /wheel . ; \
    /opt/build/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps --no-index \
      /wheel/*.whl; \
    /opt/build/bin/pip --python /opt/venv/bin/python check
# Bytecode of what a service and a screening load, and of nothing else: of all it would be a fifth of the image.
WORKDIR /tmp/once
RUN export TRIALHOOK_AUTH=none; unset PYTHONDONTWRITEBYTECODE; \
    /opt/venv/bin/python -c "from service import app, server, settings; app.create_app(settings.load())"; \
    /opt/venv/bin/trialhook screen /opt/venv/lib/python3.*/site-packages/service/demo/patients --out screened

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="trialhook" \
      org.opencontainers.image.description="Which open trials fit this patient, why, and what is missing" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# What installs software has no place in a running container; bases differ in where they keep it.
RUN useradd --no-log-init --uid 10001 --user-group --no-create-home --home-dir /var/lib/trialhook \
      --shell /usr/sbin/nologin trialhook \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/trialhook \
    && rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/ensurepip \
      /usr/local/lib/python3.*/site-packages/pip* /usr/local/lib/python3.*/site-packages/setuptools* \
      /usr/local/lib/python3.*/site-packages/wheel*
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PROMETHEUS_MULTIPROC_DIR=/tmp/trialhook-metrics
# The default database, sqlite:///trialhook.db, is relative: it lies on the data volume. An ENV of its own here would
# forbid TRIALHOOK_DATABASE_URL_FILE, since only one of the two may be set.
WORKDIR /var/lib/trialhook
VOLUME ["/var/lib/trialhook"]
USER 10001:10001
EXPOSE 8080
# gunicorn's master is the first process: SIGTERM lets requests in flight finish, SIGHUP loads trials and settings anew.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["trialhook"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
