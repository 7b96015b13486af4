"""A rival of the benchmark: the same four calls on FastAPI and boto3.

Tuned: uvloop and httptools, one process a core, no access log; handlers that run in FastAPI's
thread pool (boto3 blocks), a connection to DynamoDB for each thread, boto3's check of parameters
off, answers that FastAPI does not convert again. Not done: what this service does beyond these
calls (idempotency keys, ETags, metrics). An append names its user.
"""
import json
import os
import secrets
import time
from datetime import datetime, timezone
from typing import Any, Dict, Literal, Optional

import boto3
from botocore.config import Config
from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, constr

SESSIONS = "ai4ai-chat-sessions"
MESSAGES = "ai4ai-chat-messages"
LAST_POSSIBLE = 2**53 - 1
APPEND_TRIES = 5

app = FastAPI(openapi_url=None)
dynamodb = boto3.client(
    "dynamodb",
    endpoint_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB"],
    config=Config(max_pool_connections=64, parameter_validation=False, tcp_keepalive=True),
)


class Problem(Exception):
    def __init__(self, status: int, detail: str):
        self.status = status
        self.detail = detail


@app.exception_handler(Problem)
async def answer_problem(_request, problem: Problem):
    body = {"type": "about:blank", "status": problem.status, "detail": problem.detail}
    return JSONResponse(body, problem.status, media_type="application/problem+json")


def answer(body: dict, status: int = 200) -> Response:
    body["timestamp"] = rfc3339(time.time_ns() // 1000)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), status, media_type="application/json")


def rfc3339(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    whole = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"


def new_id() -> str:
    random = secrets.randbits(74)
    bits = (time.time_ns() // 1_000_000) << 80 | 7 << 76 | (random >> 62) << 64 | 2 << 62 | random & (1 << 62) - 1
    h = f"{bits:032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def no_such_session() -> Problem:
    return Problem(404, "There is no such session.")


# ---- get ----


def last_message_of(item: dict) -> Optional[dict]:
    if "last_role" not in item:
        return None
    return {
        "role": item["last_role"]["S"],
        "preview": item["last_preview"]["S"],
        "timestamp": int(item["last_shown"]["N"]),
    }


def session_of(item: dict) -> dict:
    session = {
        "session_id": item["session_id"]["S"],
        "user_id": item["user_id"]["S"],
        "title": item["title"]["S"],
        "created_at": item["created_at"]["S"],
        "updated_at": item["updated_at"]["S"],
        "message_count": int(item["message_count"]["N"]),
        "archived": "archived" in item,
        "pinned": "pinned" in item,
        "tags": [tag["S"] for tag in item.get("tags", {"L": []})["L"]],
        "last_message": last_message_of(item),
    }
    if "metadata" in item:
        session["metadata"] = json.loads(item["metadata"]["S"])
    return session


# Before the route of a session: "messages" is no session id.
@app.get("/api/v1/sessions/{session_id}/messages")
def list_messages(session_id: str, limit: int = Query(100, ge=1, le=1000)):
    found = dynamodb.query(
        TableName=MESSAGES,
        KeyConditionExpression="session_id = :s AND #t BETWEEN :low AND :high",
        ExpressionAttributeNames={"#t": "timestamp"},
        ExpressionAttributeValues={":s": {"S": session_id}, ":low": {"N": "0"}, ":high": {"N": str(LAST_POSSIBLE)}},
        ConsistentRead=True,
        ScanIndexForward=True,
        Limit=limit + 2,
    )["Items"]
    # The owner item is at timestamp 0, so the same query brings it.
    if not found or found[0]["timestamp"]["N"] != "0" or "deleted_at" in found[0]:
        raise no_such_session()
    messages = [message_of(item) for item in found[1 : limit + 1]]
    has_more = len(found) > limit + 1
    return answer(
        {
            "status": "success",
            "session_id": session_id,
            "messages": messages,
            "count": len(messages),
            "has_more": has_more,
            "next_cursor": str(messages[-1]["timestamp"]) if has_more else None,
        }
    )


@app.get("/api/v1/sessions/{user_id}/{session_id}")
def get_session(user_id: str, session_id: str):
    key = {"user_id": {"S": user_id}, "session_id": {"S": session_id}}
    item = dynamodb.get_item(TableName=SESSIONS, Key=key, ConsistentRead=True).get("Item")
    if not item or "deleted_at" in item:
        raise no_such_session()
    return answer({"status": "success", "session": session_of(item)})


# ---- messages ----


def message_of(item: dict) -> dict:
    return {
        "message_id": item["message_id"]["S"],
        "session_id": item["session_id"]["S"],
        "timestamp": int(item["timestamp"]["N"]),
        "role": item["role"]["S"],
        "content": item["content"]["S"],
        "created_at": item["created_at"]["S"],
        "metadata": json.loads(item["metadata"]["S"]) if "metadata" in item else None,
    }


class NewMessage(BaseModel):
    # Names the owner; that the session is the owner's is a condition of the write.
    user_id: constr(min_length=1, max_length=2048)
    role: Literal["user", "assistant", "system", "tool"]
    content: constr(min_length=1)
    metadata: Optional[Dict[str, Any]] = None
    message_id: Optional[constr(min_length=1, max_length=128)] = None


def write(user_id: str, message: dict) -> int:
    """0 when it is written; else the session's last timestamp, which is later than the message's."""
    timestamp = {"N": str(message["timestamp"])}
    item = {
        "session_id": {"S": message["session_id"]},
        "timestamp": timestamp,
        "message_id": {"S": message["message_id"]},
        "role": {"S": message["role"]},
        "content": {"S": message["content"]},
        "created_at": {"S": message["created_at"]},
    }
    if message["metadata"] is not None:
        item["metadata"] = {"S": json.dumps(message["metadata"], ensure_ascii=False)}
    put = {"TableName": MESSAGES, "Item": item, "ConditionExpression": "attribute_not_exists(session_id)"}
    update = {
        "TableName": SESSIONS,
        "Key": {"user_id": {"S": user_id}, "session_id": {"S": message["session_id"]}},
        "UpdateExpression": "SET updated_at = :now, last_timestamp = :last ADD message_count :count, version :one",
        "ConditionExpression": "attribute_exists(session_id) AND attribute_not_exists(deleted_at) AND "
        "last_timestamp < :first",
        "ExpressionAttributeValues": {
            ":now": {"S": message["created_at"]},
            ":last": timestamp,
            ":count": {"N": "1"},
            ":one": {"N": "1"},
            ":first": timestamp,
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    try:
        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Update": update}])
        return 0
    except dynamodb.exceptions.TransactionCanceledException as canceled:
        old = canceled.response["CancellationReasons"][1].get("Item", {})
        if "last_timestamp" not in old or "deleted_at" in old:
            raise no_such_session()
        return int(old["last_timestamp"]["N"])


@app.post("/api/v1/sessions/{session_id}/messages")
def append_message(session_id: str, new: NewMessage):
    message_id = new.message_id or new_id()
    last = 0
    for _ in range(APPEND_TRIES):
        now = max(time.time_ns() // 1000, (last + 1) * 1000)
        message = {
            "message_id": message_id,
            "session_id": session_id,
            "timestamp": now // 1000,
            "role": new.role,
            "content": new.content,
            "created_at": rfc3339(now),
            "metadata": new.metadata,
        }
        last = write(new.user_id, message)
        if last == 0:
            return answer({"status": "success", "message": message}, 201)
    raise Problem(503, "Too many others are writing to this session.")


# ---- create ----


class NewSession(BaseModel):
    user_id: constr(min_length=1, max_length=2048)
    title: Optional[constr(max_length=1000)] = None
    metadata: Optional[Dict[str, Any]] = None


@app.post("/api/v1/sessions")
def create_session(new: NewSession):
    now = rfc3339(time.time_ns() // 1000)
    session = {
        "session_id": new_id(),
        "user_id": new.user_id,
        "title": new.title or f"Chat Session {now[:10]} {now[11:16]}",
        "created_at": now,
        "updated_at": now,
        "message_count": 0,
        "archived": False,
        "pinned": False,
        "tags": [],
        "last_message": None,
    }
    item = {name: {"S": session[name]} for name in ("user_id", "session_id", "title", "created_at", "updated_at")}
    item.update({"message_count": {"N": "0"}, "last_timestamp": {"N": "0"}, "version": {"N": "1"}})
    if new.metadata is not None:
        session["metadata"] = new.metadata
        item["metadata"] = {"S": json.dumps(new.metadata, ensure_ascii=False)}
    owner = {
        "session_id": item["session_id"],
        "timestamp": {"N": "0"},
        "user_id": item["user_id"],
    }
    free = "attribute_not_exists(session_id)"
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": SESSIONS, "Item": item, "ConditionExpression": free}},
            {"Put": {"TableName": MESSAGES, "Item": owner, "ConditionExpression": free}},
        ]
    )
    return answer({"status": "success", "session": session}, 201)
