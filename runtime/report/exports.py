"""What a report shows, as files of their own: for a paper, a spreadsheet, a repository."""

from __future__ import annotations

from collections.abc import Iterator

from .content import Report
from .curves import curve_csv, curve_file
from .heatmaps import heatmap_csv, heatmap_file
from .plates import plate_file
from .tables import to_csv, to_latex, to_markdown


def exports(report: Report) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files of each section that has a name: a table as Markdown, LaTeX and CSV, a plate
    as PNG and PDF, curves and heatmaps as both and as their numbers."""
    for section in report.sections:
        if not section.name:
            continue
        for table in section.tables:
            yield f"{section.name}.md", to_markdown(table).encode()
            yield f"{section.name}.tex", to_latex(table).encode()
            yield f"{section.name}.csv", to_csv(table).encode()
        for i, curve in enumerate(section.curves):
            name = section.name + (f"-{i + 1}" if len(section.curves) > 1 else "")
            yield f"{name}.csv", curve_csv(curve).encode()
            yield f"{name}.png", curve_file(curve, "png")
            yield f"{name}.pdf", curve_file(curve, "pdf")
        for heatmap in section.heatmaps:
            yield f"{section.name}.csv", heatmap_csv(heatmap).encode()
            yield f"{section.name}.png", heatmap_file(heatmap, "png")
            yield f"{section.name}.pdf", heatmap_file(heatmap, "pdf")
        for plate in section.plates:
            yield f"{section.name}.png", plate_file(plate, "png")
            yield f"{section.name}.pdf", plate_file(plate, "pdf")
