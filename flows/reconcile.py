"""Every night: compare plan, rows and outbox, and say what does not agree."""

from prefect import flow
from prefect.artifacts import acreate_table_artifact

from flows.context import opened
from flows.verdict import NotAllDone
from traject.clock import now
from traject.reconcile import reconcile as compare


@flow(name="reconcile", flow_run_name="controle")
async def reconcile() -> int:
    """Publish a table of everything that does not agree; fails when there is any, so that it is seen."""
    with opened() as (store, settings):
        findings = compare(store, settings, now())
    rows = [{"traject": f.trajectory, "wat": f.code, "bevinding": f.sentence.nl} for f in findings]
    await acreate_table_artifact(key="controle", table=rows, description="Wat niet klopt; leeg is goed.")
    if findings:
        message = f"{len(findings)} keer klopt er iets niet; de tabel ‘controle’ bij deze run zegt wat, en wat te doen"
        raise NotAllDone(message)
    return 0
