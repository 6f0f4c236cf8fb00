"""Files of the benches -> one HTML page that needs no network, PNGs and JSON.

The flow: `finding` lists the files, `artefacts` and `rows` read and check them, `sections` turns
each into text, tables and `plots`, `page` renders all of it. Nothing here measures: headline
figures are those that the bench wrote, the plots are made of the raw rows.
"""
