"""The views of PS3.16 CID 4010 (radiographs) and 4014 (mammography) by their codes, which no language changes."""

from __future__ import annotations

#: CodeMeaning, and the CodeValue in SNOMED CT and in the retired SNOMED RT, which older devices still write.
_VIEWS = {
    "acanthioparietal": "399242004 R-102C6", "antero-posterior": "399348003 R-10206",
    "antero-posterior oblique": "399312000 R-10208", "axial": "399061009 R-10241",
    "caudo-cranial": "399196006 R-10244", "cranio-caudal": "399162004 R-10242",
    "cranio-caudal exaggerated laterally": "399192008 R-1024A",
    "cranio-caudal exaggerated medially": "399101009 R-1024B", "dorsoplantar": "399335002 R-102C4",
    "frontal": "399033003 R-10202", "frontal oblique": "399160007 R-10204",
    "frontal-oblique axial": "399132005 R-10252", "inferomedial to superolateral oblique": "441555000 R-40AAA",
    "lateral": "399067008 R-102CD", "lateral oblique": "260427002 R-40783", "lateral-medial": "399352003 R-10228",
    "latero-medial oblique": "399099002 R-10230", "left anterior oblique": "399135007 R-10220",
    "left lateral": "399173006 R-10236", "left oblique": "399184004 R-10238",
    "left posterior oblique": "399006002 R-10212", "medial oblique": "260426006 R-40782",
    "medial-lateral": "399260004 R-10224", "medio-lateral oblique": "399368009 R-10226",
    "oblique": "399182000 R-102C1", "oblique axial": "399004004 R-10246",
    "oblique caudo-cranial": "399225005 R-10250", "oblique cranio-caudal": "399288005 R-10248",
    "Occlusal projection": "260499007 R-40810", "orbitoparietal": "399351005 R-102C7",
    "parieto-orbital": "399316002 R-102C8", "parietoacanthial": "399272005 R-102C5",
    "plantodorsal": "399071006 R-102C3", "postero-anterior": "272479007 R-40888",
    "postero-anterior oblique": "399059000 R-10216", "right anterior oblique": "399356000 R-40985",
    "right lateral": "399198007 R-10232", "right oblique": "399236003 R-10234",
    "right posterior oblique": "399038007 R-10210", "Sagittal": "30730003 G-A145",
    "sagittal-oblique axial": "399325008 R-10254", "submentovertical": "399255003 R-10256",
    "superolateral to inferomedial oblique": "399188001 R-102D0", "tangential": "399110001 R-102C2",
    "tissue specimen": "119376003 G-8300", "tissue specimen from breast": "127457009 G-8310",
    "verticosubmental": "399360002 R-10257",
}  # fmt: skip
_MEANINGS = {code: meaning for meaning, codes in _VIEWS.items() for code in codes.split()}


def meaning(code_value: str, code_meaning: str) -> str:
    """What a view is called: as the device says it in Latin letters, else as the standard calls its code."""
    if code_meaning and code_meaning.isascii():
        return code_meaning
    return _MEANINGS.get(code_value, code_meaning)
