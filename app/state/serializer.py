"""What cachelib is given instead of its own serializer, which would pickle."""

from typing import IO, Any

from cachelib.serializers import BaseSerializer


class RawBytes(BaseSerializer):
    """Bytes in, bytes out: what is unpickled may run what an intruder has written."""

    def dump(self, value: Any, f: IO[bytes], protocol: int = 0) -> None:
        f.write(value)

    def load(self, f: IO[bytes]) -> bytes:
        return f.read()

    def dumps(self, value: Any, protocol: int = 0) -> bytes:
        return bytes(value)

    def loads(self, bvalue: bytes | None) -> bytes | None:
        return bvalue
