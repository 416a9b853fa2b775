"""Files that monitoring exports, read as series of points: Prometheus, CloudWatch, Grafana, Datadog, CSV."""
