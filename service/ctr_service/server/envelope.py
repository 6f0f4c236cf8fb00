"""PredictClicksRequest with its candidates left as bytes.

On the wire a message within a message is its bytes. Read as such, an item that came before, byte by
byte, need not be read again (`items.py`). The type is made of the contract's own descriptor, so
that the two cannot differ in anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from ctr.v1 import error_reason_pb2, prediction_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableSequence

    from google.protobuf.message import Message

    class Envelope(Message):
        """What the parsed message offers."""

        request_id: str
        query: str
        candidates: MutableSequence[bytes]
        priority: prediction_pb2.Priority.ValueType

        @property
        def user(self) -> prediction_pb2.User: ...  # noqa: D102 -- as in the contract

        @property
        def context_features(self) -> Mapping[str, prediction_pb2.FeatureValue]: ...  # noqa: D102 -- as in the contract

        @property
        def model(self) -> prediction_pb2.ModelRef: ...  # noqa: D102 -- as in the contract


CANDIDATES = "candidates"


def _envelope_type() -> type[Envelope]:
    request = prediction_pb2.PredictClicksRequest.DESCRIPTOR
    file = descriptor_pb2.FileDescriptorProto()
    prediction_pb2.DESCRIPTOR.CopyToProto(file)
    (message,) = (found for found in file.message_type if found.name == request.name)
    (field,) = (found for found in message.field if found.name == CANDIDATES)
    field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
    field.ClearField("type_name")
    pool = descriptor_pool.DescriptorPool()  # of its own: the default one holds the contract
    pool.AddSerializedFile(error_reason_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName(request.full_name)
    return cast("type[Envelope]", message_factory.GetMessageClass(found))


ENVELOPE = _envelope_type()
"""The message's type."""


def enveloped(request: prediction_pb2.PredictClicksRequest) -> Envelope:
    """Return a request as its envelope."""
    return ENVELOPE.FromString(request.SerializeToString())


def opened(envelope: Envelope) -> prediction_pb2.PredictClicksRequest:
    """Return an envelope as the request that it is.

    Raises:
        DecodeError: a candidate is no message of its type.
    """
    return prediction_pb2.PredictClicksRequest.FromString(envelope.SerializeToString())
