"""Drives wg-easy-api-wrapper (PyPI) against a server: URL and password are the arguments."""

import asyncio
import sys

from wg_easy_api_wrapper import Server
from wg_easy_api_wrapper.client import Client


async def one(server, uid):
    client = await server.get_client(uid)
    assert client is not None, "the client is not listed"
    return client


async def main(url, password):
    async with Server(url, password) as server:
        assert await server.is_logged_in()
        assert await server.get_clients() == []
        await server.create_client("phone")
        (client,) = await server.get_clients()
        assert client.name == "phone" and client.enabled, client.name
        assert client.last_handshake_at is None
        assert (client.transfer_rx, client.transfer_tx) == (0, 0)
        assert client.created_at.year > 2000 and client.updated_at >= client.created_at
        uid = client.uid

        await client.disable()
        assert not (await one(server, uid)).enabled
        await (await one(server, uid)).enable()
        assert (await one(server, uid)).enabled
        # Its properties are coroutines, which an assignment would not wait for.
        await Client.name.fset(client, "Anna's phone")
        assert (await one(server, uid)).name == "Anna's phone"
        await Client.address.fset(client, "10.8.77.7")
        assert (await one(server, uid)).address == "10.8.77.7"

        configuration = await client.get_configuration()
        assert configuration.startswith("[Interface]\nPrivateKey = "), configuration
        assert "Address = 10.8.77.7/32" in configuration, configuration
        image = await (await client.get_qr_code()).text()
        assert "<svg" in image, image

        await server.remove_client(uid)
        assert await server.get_clients() == []
    print("done")


asyncio.run(main(*sys.argv[1:]))
