"""A participant's key cannot be guessed, and its seal cannot be made without the secret."""

from webapp.keys import new_token, seal, sealed, token_hash


def test_tokens_are_128_random_bits() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(bytes.fromhex(token)) == 16 for token in tokens)


def test_the_hash_is_not_the_token() -> None:
    """SHA-256 of "abc", FIPS 180-2, appendix B.1."""
    assert token_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_seal_holds_for_its_parts_and_its_secret_alone() -> None:
    given = seal("secret", "step", "token", 3)
    assert sealed(given, "secret", "step", "token", 3)
    assert not sealed(given, "secret", "step", "token", 4)
    assert not sealed(given, "secret", "step", "tokem", 3)
    assert not sealed(given, "secret", "consent", "token", 3)
    assert not sealed(given, "another secret", "step", "token", 3)
    assert not sealed("", "secret", "step", "token", 3)
    assert not sealed(given[:-1], "secret", "step", "token", 3)
    assert not sealed("Ünïcode \U0001f600", "secret", "step", "token", 3)


def test_parts_do_not_run_into_each_other() -> None:
    assert seal("s", "ab", "c") != seal("s", "a", "bc")
