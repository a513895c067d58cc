"""Google's own Python client against a Wallet API: what it sends and reads is as Google's discovery document says.

Arguments: the API's address, the root certificate to trust, the service account's key file, the issuer.
Prints one JSON object of what it saw; a wrong answer ends it with a traceback.
"""

import json
import sys

import google.auth.crypt
import google.auth.jwt
import google_auth_httplib2
import httplib2
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

api, root, key_file, issuer = sys.argv[1:]
scope = "https://www.googleapis.com/auth/wallet_object.issuer"
credentials = service_account.Credentials.from_service_account_file(key_file, scopes=[scope])
http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(ca_certs=root))
# The discovery document that the package brings, so nobody is called but the API under test.
wallet = build(
    "walletobjects", "v1", http=http, static_discovery=True, client_options={"api_endpoint": api.split("/walletobjects")[0]}
)


def refused(request):
    try:
        request.execute()
    except HttpError as error:
        return error.resp.status
    raise AssertionError("it was not refused")


def local(text):
    return {"defaultValue": {"language": "fr", "value": text}}


class_id, object_id = f"{issuer}.oracle", f"{issuer}.oracle-1"
class_body = {
    "id": class_id,
    "issuerName": "Opera",
    "eventName": local("Carmen"),
    "reviewStatus": "UNDER_REVIEW",
    "callbackOptions": {"url": "https://passes.example.org/callback"},
}
object_body = {"id": object_id, "classId": class_id, "state": "ACTIVE", "barcode": {"type": "QR_CODE", "value": "1"}}
classes, objects = wallet.eventticketclass(), wallet.eventticketobject()
seen = {}

seen["no class yet"] = refused(objects.insert(body=object_body))
classes.insert(body=class_body).execute()
seen["class twice"] = refused(classes.insert(body=class_body))
objects.insert(body=object_body).execute()
seen["read"] = objects.get(resourceId=object_id).execute()["barcode"]["value"]
seen["unknown"] = refused(objects.get(resourceId=f"{issuer}.nobody"))
seen["void"] = refused(objects.patch(resourceId=object_id, body={"state": "VOID"}))
seen["patched"] = objects.patch(resourceId=object_id, body={"state": "INACTIVE"}).execute()["state"]
seen["updated"] = objects.update(resourceId=object_id, body=object_body).execute()["state"]
seen["approved"] = refused(classes.update(resourceId=class_id, body={**class_body, "reviewStatus": "APPROVED"}))
message = {"message": {"id": "m", "header": "h", "body": "b", "messageType": "TEXT_AND_NOTIFY"}}
added = [objects.addmessage(resourceId=object_id, body=message).execute() for _ in range(3)]
seen["messages"] = len(added[-1]["resource"]["messages"])
seen["fourth"] = refused(objects.addmessage(resourceId=object_id, body=message))
for number in range(2, 5):
    objects.insert(body={**object_body, "id": f"{issuer}.oracle-{number}"}).execute()
listed, token = [], None
while True:
    page = objects.list(classId=class_id, maxResults=3, token=token).execute()
    listed.append(len(page["resources"]))
    token = page["pagination"].get("nextPageToken")
    if token is None:
        break
seen["pages"] = listed
with open(key_file, encoding="utf-8") as file:
    signer = google.auth.crypt.RSASigner.from_service_account_info(json.load(file))
claims = {
    "iss": credentials.service_account_email,
    "aud": "google",
    "typ": "savetowallet",
    "iat": 1,
    "payload": {"eventTicketObjects": [{"id": object_id, "classId": class_id}]},
}
token = google.auth.jwt.encode(signer, claims).decode()
seen["link"] = token
seen["inserted"] = wallet.jwt().insert(body={"jwt": token}).execute()["saveUri"]
print(json.dumps(seen))
