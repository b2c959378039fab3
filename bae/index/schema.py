"""The tables of an index file. Built once, sorted, without keys or indices: order alone makes look-ups fast."""

VERSION = 3

GROUPS = {
    "strongest": "Strongest",
    "threshold": "Near the threshold",
    "off": "Off-bursts",
    "random": "Random contexts",
}
"""The groups of a feature's contexts, in the order that pages show them."""

TABLES = """
create table meta (key varchar, value varchar);
create table dictionary (
    name varchar, kind varchar, title varchar, layer integer, n_features integer,
    magnitude varchar, unit varchar, tokens bigint, provenance varchar
);
create table context (
    context_id uinteger, document varchar, start uinteger,
    ids uinteger[],       -- BOS first
    starts uinteger[], ends uinteger[],  -- characters of every token in text
    dropped usmallint[],  -- positions over the norm limit
    text varchar
);
create table feature (
    dictionary varchar, feature uinteger,
    rate double,          -- share of tokens on which the code is not 0
    density double,       -- share of tokens on which it leaves its habit: min(rate, 1 - rate) for bits, rate for values
    top_rate double,      -- share of tokens that have it among their top 10
    count ubigint, top_count ubigint,
    entropy double,       -- of the bit fired / silent, in bits
    mean double, deviation double,
    on_magnitude double, off_magnitude double,  -- burstiness when on and when off; null for values
    largest double,       -- greatest margin (bits) or value
    histogram uinteger[], -- of the margin or value where it fires, equal bins over [0, largest]
    words varchar[], word_scores float[],       -- distinctive words by log-odds (z), best first
    summary varchar       -- "sea · harbor · naval"
);
create table example (
    dictionary varchar, feature uinteger, band varchar, rank usmallint, context_id uinteger,
    peak usmallint,       -- position of its token, BOS is 0
    strength float,       -- margin or value at the peak
    positions usmallint[], strengths float[]    -- every token of the context on which the feature fires
);
"""
