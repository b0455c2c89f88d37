FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/app
COPY pyproject.toml requirements.lock README.md ./
COPY app app
COPY migrations migrations
RUN /opt/app/bin/pip install --no-cache-dir --constraint requirements.lock '.[all]'

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home app && install --directory --owner=app /data
COPY --from=build /opt/app /opt/app
ENV PATH=/opt/app/bin:$PATH APP_HOME=/data PYTHONUNBUFFERED=1
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["app"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
