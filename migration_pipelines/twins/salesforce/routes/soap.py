"""Signing in by SOAP: the one call of that API that the twin knows."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.sax.saxutils import escape

from starlette.responses import Response
from starlette.routing import Route

from migration_pipelines.twins.kit.serial import Call
from migration_pipelines.twins.salesforce.errors import OAuthRefusal
from migration_pipelines.twins.salesforce.grants import Person
from migration_pipelines.twins.salesforce.org import Org
from migration_pipelines.twins.salesforce.routes.paths import both, origin

LAST_VERSION = 64
"""Later versions have no login()."""
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"'
    ' xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<soapenv:Body>{}</soapenv:Body></soapenv:Envelope>"
)
_WRONG = "Invalid username, password, security token; or user locked out."


def soap_routes(org: Org) -> list[Route]:
    def login(call: Call) -> Response:
        version = call.request.path_params["version"]
        whole = version.partition(".")[0]
        if not org.switches.soap_login or not whole.isdecimal() or int(whole) > LAST_VERSION:
            return _fault("UNSUPPORTED_API_VERSION", f"SOAP API login() is not available in API version {version}")
        try:
            envelope = fromstring(call.body)  # noqa: S314 - a local twin; expat refuses what is dangerous
        except ParseError as error:
            return _fault("UNKNOWN_EXCEPTION", f"the request is not XML: {error}")
        if not _named(envelope, "login"):
            return _fault("UNKNOWN_EXCEPTION", "the twin's SOAP API has login() only")
        try:
            person = org.grants.by_password(_text(envelope, "username"), _text(envelope, "password"))
        except OAuthRefusal:
            return _fault("INVALID_LOGIN", _WRONG)
        with org.acting(person.user_id):
            return _envelope(_result(org, call, version, person))

    return both(org, "/services/Soap/u/{version}", login, ("POST",))


def _result(org: Org, call: Call, version: str, person: Person) -> str:
    user, organization = org.user(), org.organization()
    told = {
        "metadataServerUrl": f"{origin(call)}/services/Soap/m/{version}/{str(organization['Id'])[:15]}",
        "passwordExpired": "false",
        "sandbox": str(bool(organization["IsSandbox"])).lower(),
        "serverUrl": f"{origin(call)}/services/Soap/u/{version}/{str(organization['Id'])[:15]}",
        "sessionId": org.sessions.issue(person.user_id),
        "userId": person.user_id,
    }
    info = {
        "organizationId": organization["Id"],
        "organizationName": organization["Name"],
        "profileId": user["ProfileId"],
        "sessionSecondsValid": org.switches.session_seconds,
        "userEmail": user["Email"],
        "userFullName": user["Name"],
        "userId": user["Id"],
        "userName": user["Username"],
        "userTimeZone": user["TimeZoneSidKey"],
    }
    inner = f"{_elements(told)}<userInfo>{_elements(info)}</userInfo>"
    return f"<loginResponse><result>{inner}</result></loginResponse>"


def _fault(code: str, message: str) -> Response:
    fault = (
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring>"
        f'<detail><sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
    )
    return _envelope(fault, 500)


def _envelope(body: str, status: int = 200) -> Response:
    return Response(_ENVELOPE.format(body), status, media_type="text/xml;charset=UTF-8")


def _elements(told: Mapping[str, object]) -> str:
    return "".join(f"<{name}>{escape('' if value is None else str(value))}</{name}>" for name, value in told.items())


def _named(envelope: Element, name: str) -> list[Element]:
    return [element for element in envelope.iter() if element.tag.rpartition("}")[2] == name]


def _text(envelope: Element, name: str) -> str:
    return next((element.text or "" for element in _named(envelope, name)), "")
