"""fastapi-keygate as a minimal verification service, written as its users would."""

import os

from fastapi import Depends, FastAPI
from keygate import ApiKey, KeyGate

app = FastAPI(openapi_url=None)
gate = KeyGate(app, db_url=os.environ["KEYGATE_DATABASE"])


@app.get("/verify")
def verify(key: ApiKey = Depends(gate.require)) -> dict:
    return {"valid": True, "key_id": key.id, "owner_id": key.owner_id, "scopes": key.scopes}
