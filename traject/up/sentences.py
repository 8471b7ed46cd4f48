"""What `traject up` says, in Dutch and in English."""

from traject.settings import Settings

SENTENCES = {
    "port": (
        "Poort {port} op {host} is al in gebruik, dus {what} kan niet starten. Stop wat daar draait (misschien een andere "
        "`traject up`), of kies een andere poort met {setting}.",
        "Port {port} on {host} is in use, so {what} cannot start. Stop what runs there (another `traject up`, perhaps), "
        "or choose another port with {setting}.",
    ),
    "open": (
        "TRAJECT_HOST is {host}: dan kan iedereen op het netwerk bij Prefect. Zet PREFECT_SERVER_API_AUTH_STRING "
        "(naam:wachtwoord), of laat TRAJECT_HOST op 127.0.0.1 staan.",
        "TRAJECT_HOST is {host}: then anyone on the network can reach Prefect. Set PREFECT_SERVER_API_AUTH_STRING "
        "(name:password), or leave TRAJECT_HOST at 127.0.0.1.",
    ),
    "root": (
        "Hier staat geen prefect.yaml. Start `traject up` in de map van Traject.",
        "There is no prefect.yaml here. Start `traject up` in Traject's own folder.",
    ),
    "database": (
        "Database, scholen en programma's klaarzetten",
        "Preparing database, schools and programmes",
    ),
    "server": (
        "Prefect starten (de eerste keer duurt dat een halve minuut)",
        "Starting Prefect (the first time takes half a minute)",
    ),
    "deploy": ("De flows aan Prefect geven", "Giving the flows to Prefect"),
    "started": ("Traject draait. Ctrl-C stopt alles.", "Traject is running. Ctrl-C stops everything."),
    "fell": (
        "{name} is gestopt (code {code}) en wordt over {wait:g} s opnieuw gestart; wat er gebeurde staat in {log}.",
        "{name} has stopped (code {code}) and will be started again in {wait:g} s; what happened stands in {log}.",
    ),
    "failed": (
        "Het lukte niet om dit te doen: {what}. Wat er gebeurde staat in {log}; daarna kan `traject up` gewoon opnieuw.",
        "This did not work: {what}. What happened stands in {log}; after that simply run `traject up` again.",
    ),
    "stopping": ("Alles wordt gestopt …", "Stopping everything …"),
    "stopped": (
        "Gestopt. Alles is bewaard; `make run` gaat verder waar dit ophield.",
        "Stopped. Everything is kept; `make run` goes on where this ended.",
    ),
    "places": (
        """
  Portaal          {portal}
  Prefect          {prefect}
  Mail             {mail}
  Database         {database}
  Logboeken        {logs}

Bekijk in een ander venster eerst wat een traject gaat doen, en start het dan:

  .venv/bin/traject preview po-nieuw --school {school} --start eerstvolgende
  .venv/bin/traject launch po-nieuw --school {school} --start eerstvolgende --role coordinator="Voornaam Achternaam <naam@school.example>" --role directeur="Directie <directie@school.example>" --role adviseur="Adviseur <adviseur@hart.example>"
""",
        """
  Portal           {portal}
  Prefect          {prefect}
  Mail             {mail}
  Database         {database}
  Logs             {logs}

In another window, first see what a trajectory will do, and then launch it:

  .venv/bin/traject preview po-nieuw --school {school} --start next
  .venv/bin/traject launch po-nieuw --school {school} --start next --role coordinator="First Last <name@school.example>" --role directeur="Head <head@school.example>" --role adviseur="Adviser <adviser@hart.example>"
""",
    ),
}


def say(settings: Settings, key: str, **values: object) -> str:
    """The sentence in the language of the settings."""
    return SENTENCES[key][settings.language == "en"].format(**values)
