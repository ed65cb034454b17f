# SPDX-License-Identifier: BSD-2-Clause
"""Runs goosebit, and does at it what a person would: uploads, rollouts, looks.

serve FOLDER PORT                     with its database and files in FOLDER
upload URL FILE VERSION               an SWUpdate image with FILE in it; prints the rollout's number
refuses URL FILE                      FILE as it is; prints the status
force URL DEVICE                      wants the update again that has failed
show URL DEVICE                       prints device, log and rollouts as one JSON object
"""

import json
import os
import sys

FEED = "default"


def serve(folder, port):
    os.environ["GOOSEBIT_DB_URI"] = f"sqlite://{folder}/db.sqlite3"
    os.environ["GOOSEBIT_ARTIFACTS_DIR"] = f"{folder}/artifacts"
    os.environ["GOOSEBIT_POLL_TIME"] = "00:00:10"
    os.chdir(folder)
    import asyncio

    import uvicorn
    from tortoise import Tortoise

    from goosebit import app
    from goosebit.db.config import TORTOISE_CONF

    async def make_tables():
        await Tortoise.init(config=TORTOISE_CONF)
        await Tortoise.generate_schemas()
        await Tortoise.close_connections()

    asyncio.run(make_tables())
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


def member(name, content):
    """A member of a cpio archive of the format `crc`, as SWUpdate wants it."""
    name = name.encode() + b"\0"
    numbers = [0, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), sum(content) & 0xFFFFFFFF]
    head = b"070702" + b"".join(b"%08x" % number for number in numbers) + name
    pad = lambda data: data + bytes(-len(data) % 4)
    return pad(head) + pad(content)


def client(url):
    import httpx

    client = httpx.Client(base_url=url, timeout=60)
    person = {"username": "tester@example.com", "password": "secret"}
    answer = client.post("/login", data=person)
    if answer.status_code != 200:
        answer = client.post("/setup", data=person)
    answer.raise_for_status()
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return client


def upload(url, file, version):
    description = f'software = {{ version = "{version}"; molt = {{ hardware-compatibility: [ "1" ]; }}; }}'
    with open(file, "rb") as bundle:
        image = member("sw-description", description.encode()) + member("disk.suit", bundle.read())
    image += member("TRAILER!!!", b"")
    session = client(url)
    answer = session.put("/api/v1/software", files={"file": (f"disk-{version}.swu", image)})
    answer.raise_for_status()
    rollout = {"name": version, "feed": FEED, "software_id": answer.json()["id"]}
    answer = session.put("/api/v1/rollouts", json=rollout)
    answer.raise_for_status()
    print(answer.json()["id"])


def refuses(url, file):
    with open(file, "rb") as bundle:
        answer = client(url).put("/api/v1/software", files={"file": ("disk.suit", bundle.read())})
    print(answer.status_code)


def force(url, device):
    change = {"devices": [device], "force_update": True}
    client(url).patch("/api/v1/devices", json=change).raise_for_status()


def show(url, device):
    session = client(url)
    get = lambda path: session.get(path).raise_for_status().json()
    shown = {
        "device": get(f"/api/v1/devices/{device}"),
        "log": get(f"/api/v1/devices/{device}/log"),
        "rollouts": get("/api/v1/rollouts")["rollouts"],
    }
    print(json.dumps(shown))


if __name__ == "__main__":
    {"serve": serve, "upload": upload, "refuses": refuses, "force": force, "show": show}[sys.argv[1]](*sys.argv[2:])
