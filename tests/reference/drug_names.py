"""The drugs that the generated patients take: their codes, their names in text, their classes."""

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
SNOMED = "http://snomed.info/sct"

# RxNorm does not tell these two forms of trastuzumab from its conjugates.
AMBIGUOUS = frozenset(("1162762", "1922508"))
AMBIGUOUS_NAMES = frozenset(("trastuzumab", "t-dm1", "t-dxd"))

_BY_NAME: dict[str, str] = {
    "trastuzumab": "224905 1922509 2174802 2119714 2119713 2382604",
    "pertuzumab": "1298944 1298948 2382604",
    "margetuximab": "2473851",
    "t-dm1": "1371041 1658084 1658087",
    "t-dxd": "2267582 2267576",
    "sacituzumab govitecan": "2360232",
    "lapatinib": "480167 672149",
    "neratinib": "1940643 1940648",
    "tucatinib": "2361285 2361290",
    "anastrozole": "84857 199224",
    "letrozole": "72965 200064",
    "exemestane": "258494 310261",
    "fulvestrant": "282357 727762",
    "tamoxifen": "10324 198240",
    "palbociclib": "1601374 1601388",
    "ribociclib": "1873916 1873983",
    "abemaciclib": "1946825 1946842",
    "paclitaxel": "56946 312199 486610",
    "docetaxel": "72962 1860485",
    "capecitabine": "194000 200328",
    "carboplatin": "40048 597195",
    "doxorubicin": "3639",
    "epirubicin": "3995",
    "eribulin": "1045453",
    "gemcitabine": "12574",
    "vinorelbine": "39541",
    "fluorouracil": "4492 105583",
    "methotrexate": "6851 105585",
    "cyclophosphamide": "3002 1437969 1734917",
    "megestrol": "6703 860221",
    "everolimus": "141704 845507",
    "pembrolizumab": "1547545",
    "goserelin": "50610 310592 314008",
    "leuprolide": "42375 1115457 1115462 1115472",
    "triptorelin": "38782 199821 905062 905053",
    "denosumab": "993449",
    "zoledronic acid": "77655",
    "phenytoin": "8183 855671",
    "rifampin": "9384 198202 198203",
    "carbamazepine": "2002 308979",
    "st john's wort": "258326 200145",
    "clarithromycin": "21212 197517",
    "ketoconazole": "6135 197853 106336",
    "verapamil": "11170 897683",
    "voriconazole": "121243",
    "fentanyl": "4337 245134",
    "tacrolimus": "42316 198377 313189",
    "cyclosporine": "3008",
    "dexamethasone": "3264 197582",
}

_SNOMED_NAMES = {
    "387003001": "trastuzumab",
    "704226002": "pertuzumab",
    "702836004": "t-dm1",
    "838469001": "t-dxd",
    "715958001": "palbociclib",
    "732257004": "ribociclib",
    "761851004": "abemaciclib",
    "386910003": "anastrozole",
    "386911004": "letrozole",
    "387017005": "exemestane",
    "373345002": "tamoxifen",
    "387374002": "paclitaxel",
    "386918005": "docetaxel",
    "386906001": "capecitabine",
    "108771008": "goserelin",
}

_ATC_NAMES = {
    "L01FD01": "trastuzumab",
    "L01FD02": "pertuzumab",
    "L01FD03": "t-dm1",
    "L01FD04": "t-dxd",
    "L02BG03": "anastrozole",
    "L02BG04": "letrozole",
    "L02BA01": "tamoxifen",
    "L02BA03": "fulvestrant",
    "L01EF01": "palbociclib",
    "L01CD01": "paclitaxel",
    "L01CD02": "docetaxel",
}

NAMES: dict[tuple[str, str], frozenset[str]] = {
    (RXNORM, code): frozenset(name for name, codes in _BY_NAME.items() if code in codes.split())
    for text in _BY_NAME.values()
    for code in text.split()
}
NAMES |= {(SNOMED, code): frozenset((name,)) for code, name in _SNOMED_NAMES.items()}
NAMES |= {(ATC, code): frozenset((name,)) for code, name in _ATC_NAMES.items()}

# Ingredient or brand in a text; the conjugates come before the antibody whose name they hold.
TEXT_NAMES = (
    ("kadcyla", "t-dm1"),
    ("trastuzumab emtansine", "t-dm1"),
    ("enhertu", "t-dxd"),
    ("herceptin", "trastuzumab"),
    ("perjeta", "pertuzumab"),
    ("ibrance", "palbociclib"),
    ("femara", "letrozole"),
    ("letrozole", "letrozole"),
    ("taxotere", "docetaxel"),
    ("docetaxel", "docetaxel"),
    ("verapamil", "verapamil"),
    ("ketoconazole", "ketoconazole"),
    ("zoladex", "goserelin"),
)

TOPICAL_CODES = frozenset(("105583", "106336", "313189"))
ORAL_CODES = frozenset(("105585", "1437969"))
TOPICAL_ROUTES = frozenset(("6064005", "54485002"))
ORAL_OR_SUBCUTANEOUS = frozenset(("26643006", "34206005"))

TAXANES = frozenset(("paclitaxel", "docetaxel"))
CHEMOTHERAPY = TAXANES | frozenset(
    [
        "capecitabine",
        "carboplatin",
        "doxorubicin",
        "epirubicin",
        "eribulin",
        "gemcitabine",
        "vinorelbine",
        "fluorouracil",
        "methotrexate",
        "cyclophosphamide",
    ]
)
CONJUGATES = frozenset(("t-dm1", "t-dxd", "sacituzumab govitecan"))
ANTIBODIES = frozenset(("trastuzumab", "pertuzumab", "margetuximab"))
CDK46 = frozenset(("palbociclib", "ribociclib", "abemaciclib"))
AROMATASE = frozenset(("anastrozole", "letrozole", "exemestane"))
ENDOCRINE_BY_CODE = "endocrine therapy"
ENDOCRINE = AROMATASE | frozenset(("fulvestrant", "tamoxifen", "megestrol", ENDOCRINE_BY_CODE))
TARGETED = frozenset(("lapatinib", "neratinib", "tucatinib", "everolimus", "pembrolizumab"))
GNRH = frozenset(("goserelin", "leuprolide", "triptorelin"))
SYSTEMIC = CHEMOTHERAPY | CONJUGATES | ANTIBODIES | CDK46 | ENDOCRINE | TARGETED

CYP3A4_LISTED = frozenset(
    (
        "phenytoin",
        "rifampin",
        "carbamazepine",
        "st john's wort",
        "clarithromycin",
        "ketoconazole",
        "verapamil",
        "voriconazole",
        "everolimus",
        "fentanyl",
        "tacrolimus",
        "cyclosporine",
    )
)
CYP3A4_OTHER_STRONG = frozenset(("tucatinib", "ribociclib"))

# Days that a depot lasts, by the product's code.
DEPOT_DAYS = {
    "310592": 28,
    "1115457": 28,
    "1115462": 28,
    "199821": 28,
    "314008": 84,
    "1115472": 84,
    "905062": 84,
    "905053": 168,
}
