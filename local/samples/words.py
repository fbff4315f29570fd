"""Words to make up texts from, in several scripts, and ways to put them together."""

from __future__ import annotations

import numpy as np

from local.samples.chance import Chance, Ints
from local.samples.values import Ragged


def _each(text: str) -> Ragged:
    return Ragged.text(text.split())


FIRST_NAMES = _each(
    "Amara Ben Chloë Dmitri Élodie Fatima Giulia Hiroshi Ingrid José Käthe Liam Mei Nadia Olu Priya Quentin Rósa Søren "
    "Tomás Ünal Valérie Wanjiru Xavier Yuki Zoë Αλέξης Βασιλική Ольга Иван 美咲 太郎 李娜 王伟 ليلى يوسف נועם शांति"
)
LAST_NAMES = _each(
    "Abe Bakker Castillo Dupont Eriksson Fischer García Hughes Ivanova Jensen Kowalski López Müller Nguyen O'Brien Park "
    "Quaranta Rossi Schmidt Tanaka Usman Vasquez Weiß Xu Yılmaz Žižek Παπαδόπουλος Соколов 佐藤 陈 الحسن כהן शर्मा"
)
MAIL_NAMES = _each("amara.b ben.c chloe.d dmitri.e elodie.f fatima.g giulia.h hiro.i ingrid.j jose.k")
MAIL_HOSTS = _each("@example.com @example.org @mail.example.net @contoso.example @fabrikam.example")
_WORDS = (
    "the of and to in a for was on by with order customer delivery invoice late early again never always price "
    "warehouse shelf parcel broken whole returned refund promised agreed signed letter phone call answer question "
    "contract term month year quarter result plan change small large red green blue heavy light north south east "
    "west river bridge station train platform garden window table report number page chapter note line figure "
    "straße größe übung façade naïve smörgåsbord żółw ångström λόγος θάλασσα дорога письмо 契約 注文 倉庫 返品 "
    "مرحبا كتاب שלום ספר नमस्ते पुस्तक 한국어 주문 😀 🚚 📦"
)
WORDS = Ragged.text(f"{word} " for word in _WORDS.split())
PRODUCTS = _each("Lamp Chair Table Shelf Clock Kettle Bottle Jacket Boots Tent Rope Map Compass Stove Mug")
COLOURS = Ragged.text(["oak", "black", "white", "rouge", "grün", "藍", "crème", "anthracite"])
CURRENCIES = Ragged.text(["EUR", "USD", "GBP", "JPY", "CHF", "SEK"])
SOURCES = Ragged.text(
    [
        "checkout",
        "login",
        "search",
        "cart/add",
        "cart/remove",
        "payment/authorise",
        "payment/capture",
        "mail",
        "cron/nightly",
    ]
)
AGENTS = Ragged.text(
    [
        f"Mozilla/5.0 ({system}) {engine}/{version}.0"
        for system in ("Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "iPhone; CPU iPhone OS 18_2 like Mac OS X")
        for engine, version in (("Gecko/20100101 Firefox", 140), ("AppleWebKit/537.36 Chrome", 138), ("Edg", 139))
    ]
)
SPACE = " "


def prose(chance: Chance, label: str, ids: Ints, counts: Ints, salt: Ints | int = 0) -> Ragged:
    """Running text: `counts[i]` words for row i, common words more often than rare ones."""
    owners = np.repeat(ids, counts)
    places = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    salts = np.repeat(np.broadcast_to(np.asarray(salt, dtype=np.int64), ids.shape), counts)
    codes = chance.skewed(label, owners * 65_536 + places, len(WORDS.lengths), salts)
    return WORDS.take(codes).join(counts)
