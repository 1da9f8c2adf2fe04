"""An OTLP receiver on grpcio and opentelemetry-proto: takes traces, metrics and logs over gRPC and over HTTP/protobuf.

What it takes is printed as the requests came, a line each: `took PROTOCOL SIGNAL HEADERS REQUEST`, the last two as JSON.
Arguments: the port of gRPC and that of HTTP, 0 for a free one. It prints `listening on GRPC HTTP` when it does.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc as logs_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc

BODY_BYTES_MAX = 64 * 1024 * 1024
printing = Lock()


def took(protocol, signal, headers, request):
    fields = MessageToDict(request)
    with printing:
        print("took", protocol, signal, json.dumps(headers), json.dumps(fields), flush=True)


def servicer(base, signal, response):
    class Servicer(base):
        def Export(self, request, context):
            took("grpc", signal, {key: str(value) for key, value in context.invocation_metadata()}, request)
            return response()

    return Servicer()


HTTP = {
    "/v1/traces": ("traces", trace.ExportTraceServiceRequest, trace.ExportTraceServiceResponse),
    "/v1/metrics": ("metrics", metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse),
    "/v1/logs": ("logs", logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        size = int(self.headers.get("content-length", "0"))
        known = HTTP.get(self.path)
        if known is None or size > BODY_BYTES_MAX or self.headers.get("content-type") != "application/x-protobuf":
            self.close_connection = True
            return self.answer(400, b"")
        signal, request, response = known
        took("http", signal, {name.lower(): value for name, value in self.headers.items()},
             request.FromString(self.rfile.read(size)))
        self.answer(200, response().SerializeToString())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


def main():
    grpc_port, http_port = int(sys.argv[1]), int(sys.argv[2])
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    trace_grpc.add_TraceServiceServicer_to_server(
        servicer(trace_grpc.TraceServiceServicer, "traces", trace.ExportTraceServiceResponse), server)
    metrics_grpc.add_MetricsServiceServicer_to_server(
        servicer(metrics_grpc.MetricsServiceServicer, "metrics", metrics.ExportMetricsServiceResponse), server)
    logs_grpc.add_LogsServiceServicer_to_server(
        servicer(logs_grpc.LogsServiceServicer, "logs", logs.ExportLogsServiceResponse), server)
    grpc_port = server.add_insecure_port(f"127.0.0.1:{grpc_port}")
    server.start()
    http = ThreadingHTTPServer(("127.0.0.1", http_port), Handler)
    print("listening on", grpc_port, http.server_port, flush=True)
    http.serve_forever()


main()
