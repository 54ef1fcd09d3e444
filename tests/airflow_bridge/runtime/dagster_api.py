"""A Dagster webserver that does what a test says, on loopback.

It answers with Dagster's own schema: a query or an answer that is not of it is an error. What it
knows is read with GET /state and changed with PUT /state.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dagster_graphql.schema import create_schema
from graphql import build_schema, graphql_sync, print_schema

SCHEMA = build_schema(print_schema(create_schema().graphql_schema))
ERROR = {"className": None, "causes": [], "stack": [], "errorChain": []}


class ScriptedDagster:
    """Runs that are launched and cancelled; how they end, and what else happens, is told."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.lock = threading.Lock()
        dagster = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                self.reply(200, json.dumps(dagster.state))

            def do_PUT(self) -> None:
                dagster.state.update(json.loads(self.body()))
                self.reply(200, "{}")

            def do_POST(self) -> None:
                body = json.loads(self.body())
                dagster.state["paths"].append(self.path)
                dagster.state["headers"].append(dict(self.headers))
                if dagster.state["sleep"]:
                    time.sleep(dagster.state["sleep"])
                if dagster.state["status"] != 200:
                    self.reply(dagster.state["status"], dagster.state["page"])
                    return
                with dagster.lock:
                    result = graphql_sync(
                        SCHEMA,
                        body["query"],
                        dagster.root(),
                        variable_values=body["variables"],
                    )
                if result.errors:
                    dagster.state["faults"] += [str(error) for error in result.errors]
                if "launchPipelineExecution" in body["query"] and dagster.state["lose_answer"]:
                    self.connection.close()
                    return
                answer = (result.data or {}).get("answer") or {}
                status = 500 if answer.get("__typename") == "PythonError" else 200  # as Dagster
                self.reply(400 if result.errors else status, json.dumps(result.formatted))

            def body(self) -> bytes:
                return self.rfile.read(int(self.headers["Content-Length"]))

            def reply(self, status: int, content: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content.encode())))
                self.end_headers()
                self.wfile.write(content.encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> ScriptedDagster:
        self.reset()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def reset(self) -> None:
        """Forget everything."""
        self.state = {
            "runs": [],
            "selectors": [],
            "materialised": [],
            "events": {},
            "page_size": 1000,
            "status": 200,
            "page": "",
            "sleep": 0,
            "lose_answer": False,
            "refusal": None,
            "ill": None,
            "paths": [],
            "headers": [],
            "faults": [],
        }

    def root(self) -> dict[str, Any]:
        """Dagster's root fields that the bridge uses."""

        def runs(_: Any, filter: dict[str, Any], limit: int, **__: Any) -> dict[str, Any]:
            if self.state["ill"]:
                return {"__typename": "PythonError", "message": self.state["ill"]}
            wanted = {(tag["key"], tag["value"]) for tag in filter["tags"]}
            found = [
                run
                for run in reversed(self.state["runs"])
                if wanted <= {(tag["key"], tag["value"]) for tag in run["tags"]}
            ]
            return {"__typename": "Runs", "results": found[:limit]}

        def launch(_: Any, **arguments: Any) -> dict[str, Any]:
            params = arguments["executionParams"]
            if self.state["refusal"]:
                return self.state["refusal"]
            number = len(self.state["runs"])
            run = {
                "runId": f"run-{number}",
                "status": "QUEUED",
                "creationTime": time.time() + number,
                "tags": params["executionMetadata"]["tags"],
            }
            self.state["runs"].append(run)
            self.state["selectors"].append(params["selector"])
            return {"__typename": "LaunchRunSuccess", "run": run}

        def terminate(_: Any, **arguments: Any) -> dict[str, Any]:
            run_id = arguments["runId"]
            (run,) = [run for run in self.state["runs"] if run["runId"] == run_id]
            if run["status"] in ("SUCCESS", "FAILURE", "CANCELED"):
                return {"__typename": "TerminateRunFailure", "run": run, "message": "it has ended"}
            run["status"] = "CANCELING"
            return {"__typename": "TerminateRunSuccess", "run": run}

        def asset_node(_: Any, **arguments: Any) -> dict[str, Any]:
            asset = arguments["assetKey"]["path"]

            def materialisations(_: Any, partitions: list[str], limit: int) -> list[dict[str, Any]]:
                known = [p for p in partitions if [asset, p] in self.state["materialised"]]
                return [{"runId": "an-earlier-run"} for _ in known][:limit]

            return {"__typename": "AssetNode", "assetMaterializations": materialisations}

        def logs(_: Any, **arguments: Any) -> dict[str, Any]:
            events = self.state["events"].get(arguments["runId"], [])
            start = int(arguments["afterCursor"] or 0)
            end = start + self.state["page_size"]
            return {
                "__typename": "EventConnection",
                "events": events[start:end],
                "cursor": str(end),
                "hasMore": end < len(events),
            }

        return {
            "runsOrError": runs,
            "launchPipelineExecution": launch,
            "terminateRun": terminate,
            "assetNodeOrError": asset_node,
            "logsForRun": logs,
        }
