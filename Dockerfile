# One image for the parts of Opswire that run in containers: bridge, configuration, local Telegram.
# ./start.sh --docker builds it; docker compose build does so too.
ARG PYTHON=python:3.13.7-slim-bookworm

# The packages come as they are published, checked by their hashes: nothing is compiled, here or later.
FROM ${PYTHON} AS packages
COPY deploy/requirements/all.txt /requirements.txt
RUN python -m venv --without-pip /opt/venv \
 && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes -r /requirements.txt \
 && find /opt/venv -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +

FROM ${PYTHON}
# Chinese, Japanese and Korean letters of charts: 5 MB; the other letters come with the drawing library.
RUN apt-get update \
 && apt-get install -y --no-install-recommends fonts-wqy-microhei \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log
COPY --from=packages /opt/venv /opt/venv
WORKDIR /opt/opswire
COPY gen_config.py pyproject.toml LICENSE ./
COPY prometheus prometheus
COPY alertmanager alertmanager
COPY templates templates
COPY agent agent
COPY bridge bridge
COPY sandbox sandbox
COPY deploy/stack deploy/stack
COPY deploy/image deploy/image
# Volumes begin as these folders are: whoever owns the clone may write them, whatever their number.
RUN install -m 0755 deploy/image/opswire.sh /usr/local/bin/opswire \
 && install -d -m 1777 /var/lib/opswire /var/lib/telegram /inventory /templates /config \
        /config/prometheus /config/alertmanager /config/blackbox /config/grafana \
 && /opt/venv/bin/python -m compileall -q /opt/opswire \
 && chmod -R go+rX,go-w /opt/opswire
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/opswire \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/opswire \
    USER=opswire \
    MPLCONFIGDIR=/var/lib/opswire/drawing
USER 1000:1000
ENTRYPOINT ["opswire"]
CMD ["bridge"]
EXPOSE 8002 8003
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["opswire", "healthy", "8002", "/healthz"]
# Last, so that a change of the sources alone builds nothing anew above.
ARG SOURCES=unknown
LABEL org.opencontainers.image.title="Opswire" \
      org.opencontainers.image.description="Prometheus, Alertmanager and Telegram joined" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      opswire.sources="${SOURCES}"
