"""That the suites beside this file go the way that they are there for."""

import requests

from tests.conftest import KEY
from tests.servers import Server


def test_all_goes_to_the_second_gateway(gateway: Server) -> None:
    body = {"model": "demo-echo", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{gateway.url}/v1/chat/completions"
    answer = requests.post(url, json=body, headers=headers, timeout=10)
    assert answer.headers["x-poegate-upstream"] == "api; UPSTREAM=api"
    assert answer.json()["choices"][0]["message"]["content"] == "hi"
