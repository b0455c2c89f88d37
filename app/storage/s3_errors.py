"""What boto3 raises, as errors of the program: what, where, and what to do. No key is repeated."""

from typing import NamedTuple

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # botocore's own, no OSError
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    InvalidConfigError,
    InvalidRegionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)

from app.errors import AppError, ConfigurationError, StoreFailure, StoreRefused

_KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role gives them"


class _Meaning(NamedTuple):
    kind: type[AppError]
    message: str
    hint: str


_DENIED = _Meaning(StoreRefused, "access denied", "give the credentials {needs}, as docs/storage.md says")
_EXPIRED = _Meaning(StoreFailure, "the credentials have expired", "renew them, then run again")
_UNKNOWN_KEY = _Meaning(ConfigurationError, "the credentials are not known there", _KEYS)
_REGION = _Meaning(ConfigurationError, "the bucket is in another region", "set AWS_REGION to the bucket's")

_BY_CODE = {
    "NoSuchBucket": _Meaning(StoreRefused, "no such bucket", "create it, or correct the URL"),
    "InvalidBucketName": _Meaning(ConfigurationError, "no name for a bucket", "correct the URL"),
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "AccountProblem": _DENIED,
    "403": _DENIED,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "InvalidToken": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": _Meaning(
        ConfigurationError, "the secret does not go with the access key", "correct AWS_SECRET_ACCESS_KEY"
    ),
    "RequestTimeTooSkewed": _Meaning(
        StoreFailure, "the clock of this machine is wrong", "set it, then run again"
    ),
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "301": _REGION,
}

_UNUSABLE = (
    InvalidConfigError,
    InvalidRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)


def code_of(error: ClientError) -> str:
    """Return S3's own word for an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def explained(error: BotoCoreError | ClientError, where: str, needs: str) -> AppError:
    """Return the error to raise for what happened at ``where``; ``needs`` is the right that it takes."""
    if isinstance(error, ClientError):
        return _answered(error, where, needs)
    if isinstance(error, NoCredentialsError):
        return ConfigurationError(f"{where}: there are no credentials for it", _KEYS)
    if isinstance(error, _UNUSABLE):
        return ConfigurationError(f"{where}: {error}", "correct the AWS settings")
    if isinstance(error, CredentialRetrievalError | TokenRetrievalError):
        return StoreFailure(f"{where}: the credentials could not be had", "renew them, then run again")
    if isinstance(error, ConnectionError | EndpointConnectionError | HTTPClientError):
        return StoreFailure(
            f"{where}: {_network(error)}", "check AWS_ENDPOINT_URL and the network, then run again"
        )
    return StoreFailure(f"{where}: {type(error).__name__}", "check the object store, then run again")


def _answered(error: ClientError, where: str, needs: str) -> AppError:
    code = code_of(error)
    if code in _BY_CODE:
        meaning = _BY_CODE[code]
        return meaning.kind(f"{where}: {meaning.message} ({code})", meaning.hint.format(needs=needs))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "none")
    return StoreFailure(
        f"{where}: {error.operation_name} failed with {code or 'no reason'} (status {status})",
        "check the object store, then run again",
    )


def _network(error: BotoCoreError) -> str:
    if isinstance(error, EndpointConnectionError):
        return "the object store cannot be reached"
    return f"the object store does not answer ({type(error).__name__})"
