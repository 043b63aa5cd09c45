"""aioamocrm, somebody else's client, works against the twin as it is. Its models are strict about the answers' shapes."""

import asyncio

import pytest
from aioamocrm import (
    AmoCRMClient,
    AuthError,
    Contact,
    Embedded,
    Lead,
    LongLivedToken,
    MemoryTokenStorage,
    Note,
    NotFoundError,
    OAuth2,
    Task,
    ValidationError,
)

NOW = 1_800_000_000


@pytest.fixture
def drive(kommo):
    """Run a coroutine function with a client of the twin."""

    def run(work, auth=None):
        async def with_client():
            url = str(kommo.base_url).rstrip("/")
            async with AmoCRMClient(base_url=url, auth=auth or LongLivedToken("twin-token"), rate_limit=None) as amo:
                return await work(amo)

        return asyncio.run(with_client())

    return run


def test_it_reads_account_users_pipelines_and_fields(drive):
    async def work(amo):
        account = await amo.account.get(with_=["task_types", "drive_url"])
        users = [user async for user in amo.users.iterate()]
        (pipeline,) = await amo.pipelines.list()
        same = await amo.pipelines.get(pipeline.id)
        stages = await amo.pipelines.statuses(pipeline.id)
        fields = [field async for field in amo.contacts.custom_fields.iterate(limit=2)]
        return account, users, pipeline, same, stages, fields

    account, users, pipeline, same, stages, fields = drive(work)

    assert (account.name, account.currency) == ("Acme", "USD")
    assert [user.email for user in users] == ["ada@example.com", "selim@example.com", "sara@example.com"]
    assert same.name == pipeline.name
    assert [stage.id for stage in stages][-2:] == [142, 143]
    assert pipeline.status(143).name == "Closed - lost"
    assert next(field for field in fields if field.code == "PHONE").enum_id("MOB")


def test_it_reads_empty_lists_and_unknown_records(drive):
    async def work(amo):
        for resource in (amo.leads, amo.contacts, amo.companies, amo.tasks):
            assert [one async for one in resource.iterate()] == []
            with pytest.raises(NotFoundError):
                await resource.get(1)

    drive(work)


def test_it_creates_updates_and_walks_leads_over_pages(drive):
    async def work(amo):
        made = await amo.leads.create(Lead(name=f"Deal {number}", price=number) for number in range(120))
        await amo.leads.update([Lead(id=made[0].id, status_id=142)])
        walked = [lead async for lead in amo.leads.iterate(limit=50, order={"id": "asc"})]
        return made, walked

    made, walked = drive(work)

    assert [lead.id for lead in walked] == [one.id for one in made]
    assert [lead.price for lead in walked[:3]] == [0, 1, 2]
    assert walked[0].status_id == 142


def test_it_writes_contacts_with_phones_and_links_them(drive):
    async def work(amo):
        contact = Contact(first_name="Ada", last_name="Lovelace")
        contact.set_field("PHONE", "+14155551234", enum_code="MOB")
        (ada,) = await amo.contacts.create([contact])
        (lead,) = await amo.leads.create([Lead(name="Deal")])
        links = await amo.leads.link(lead.id, "contacts", ada.id, metadata={"is_main": True})
        read = await amo.leads.get(lead.id, with_=["contacts"])
        found = [one.id async for one in amo.contacts.iterate(query="4155551234")]
        await amo.leads.unlink(lead.id, "contacts", ada.id)
        return ada, links, read, found, await amo.leads.links(lead.id), await amo.contacts.get(ada.id)

    ada, links, read, found, left, contact = drive(work)

    assert links[0].metadata == {"main_contact": True}
    assert [(one.id, one.is_main) for one in read.embedded.contacts] == [(ada.id, True)]
    assert (found, left) == ([ada.id], [])
    assert contact.field_value("PHONE", enum_code="MOB") == "+14155551234"


def test_it_creates_whole_leads(drive):
    async def work(amo):
        lead = Lead(name="Form", embedded=Embedded(contacts=[Contact(name="Ada")]))
        (result,) = await amo.leads.create_complex([lead])
        return result, await amo.contacts.get(result.contact_id)

    result, contact = drive(work)

    assert (result.merged, result.company_id, result.request_id) == (False, None, ["0"])
    assert contact.name == "Ada"


def test_it_writes_and_reads_notes(drive):
    async def work(amo):
        (lead,) = await amo.leads.create([Lead(name="Deal")])
        (ref,) = await amo.leads.notes.create([Note.common(lead.id, "Called")])
        note = await amo.leads.notes.get(ref.id, entity_id=lead.id)
        listed = [one.text async for one in amo.leads.notes.iterate(entity_id=lead.id, filter={"note_type": "common"})]
        return lead, ref, note, listed

    lead, ref, note, listed = drive(work)

    assert ref.entity_id == lead.id
    assert (note.text, listed) == ("Called", ["Called"])


def test_it_creates_and_completes_tasks(drive):
    async def work(amo):
        (lead,) = await amo.leads.create([Lead(name="Deal")])
        told = Task(text="Call", complete_till=NOW, entity_id=lead.id, entity_type="leads")
        (ref,) = await amo.tasks.create([told])
        before = await amo.tasks.get(ref.id)
        await amo.tasks.complete(ref.id, result="Reached")
        return before, await amo.tasks.get(ref.id)

    before, after = drive(work)

    assert (before.is_completed, before.result) == (False, None)
    assert (after.is_completed, after.result.text) == (True, "Reached")


def test_it_understands_a_validation_error(drive):
    async def work(amo):
        with pytest.raises(ValidationError) as caught:
            await amo.leads.create([{"name": "good"}, {"price": "much"}])
        return caught.value

    (issue,) = drive(work).errors
    assert (issue.request_id, issue.path, issue.code) == ("1", "price", "InvalidType")


def test_it_signs_in_by_code_and_renews_a_token_that_has_ended(kommo, drive):
    storage = MemoryTokenStorage()
    auth = OAuth2("twin-client", "twin-secret", "https://example.com/back", storage, clock=lambda: NOW)
    kommo.clock(set=NOW)
    code = kommo.post("/__twin__/code").json()["code"]

    async def work(amo):
        first = await amo.exchange_code(code)
        kommo.clock(advance=86_400)
        account = await amo.account.get()
        with pytest.raises(AuthError):
            await amo.exchange_code(code)
        return first, account, await storage.load()

    first, account, second = drive(work, auth)

    assert account.id == 1000
    assert second.refresh_token != first.refresh_token
