"""What several commands are given in the same way: which trajectory, step, gathering, person."""

from typing import Annotated

import typer

from traject.cli.console import both

Reference = Annotated[
    str, typer.Argument(help=both("Traject, zoals po-nieuw:16LF00.", "Trajectory, like po-nieuw:16LF00."))
]
StepKey = Annotated[str, typer.Argument(help=both("Stap, zoals intake.", "Step, like intake."))]
StageKey = Annotated[str, typer.Argument(help=both("Fase, zoals ambitie.", "Stage, like ambitie."))]
CycleName = Annotated[
    str,
    typer.Option(
        "--cycle", help=both("Schooljaar van een jaarlijkse stap.", "School year of a yearly step.")
    ),
]
Number = Annotated[
    int, typer.Argument(metavar="N", help=both("Nummer van de bijeenkomst.", "Number of the gathering."))
]
Address = Annotated[
    str,
    typer.Argument(
        metavar="ADRES", help=both("Mailadres van wie is uitgenodigd.", "Address of who is invited.")
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", help=both("Wat mensen als reden lezen.", "What people read as the reason."))
]
