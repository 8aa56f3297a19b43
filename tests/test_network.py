"""A network is a value: edits, texts, twins, builds and limits."""

import base64
import json
import zlib

import pytest
import torch
from hypothesis import given

from explorer import Network, Shape, ShapeError, analyze, blocks, presets
from explorer.network import EditError, TooLargeError
from explorer.record import _record
from tests.stacks import any_stacks, valid_stacks

STACK = Network(
    input=Shape(1, 8, 8),
    blocks=(
        blocks.Stem(form="cifar", channels=4),
        blocks.Basic(channels=4, repeat=2),
        blocks.Basic(channels=8, stride=2),
        blocks.Classifier(classes=10),
    ),
)


def kinds(network: Network) -> list[str]:
    return [block.kind for block in network.blocks]


def test_edits_return_new_networks() -> None:
    pool = blocks.Pool()
    assert kinds(STACK.insert(2, pool)) == ["stem", "basic", "pool", "basic", "classifier"]
    assert kinds(STACK.replace(1, pool)) == ["stem", "pool", "basic", "classifier"]
    assert kinds(STACK.remove(0)) == ["basic", "basic", "classifier"]
    moved = STACK.insert(1, pool).move(1, 3)
    assert kinds(moved) == ["stem", "basic", "basic", "pool", "classifier"]
    assert kinds(STACK) == ["stem", "basic", "basic", "classifier"]


def test_the_protocol_of_edits_does_the_same() -> None:
    assert STACK.apply({"op": "insert", "at": 2, "block": {"kind": "pool"}}) == STACK.insert(2, blocks.Pool())
    assert STACK.apply({"op": "replace", "at": 2, "block": {"kind": "pool"}}) == STACK.replace(2, blocks.Pool())
    assert STACK.apply({"op": "remove", "at": 2}) == STACK.remove(2)
    assert STACK.apply({"op": "move", "at": 2, "to": 1}) == STACK.move(2, 1)
    assert STACK.apply({"op": "duplicate", "at": 1}) == STACK.insert(2, STACK.blocks[1])
    assert STACK.apply({"op": "set", "at": 1, "fields": {"repeat": 9}}).blocks[1].copies == 9
    assert STACK.apply({"op": "input", "shape": [3, 32, 32]}).input == Shape(3, 32, 32)
    assert STACK.apply({"op": "name", "name": "Mine"}).name == "Mine"


def test_an_arrangement_moves_removes_and_duplicates_several() -> None:
    assert STACK.apply({"op": "arrange", "order": [0, 2, 1, 3]}) == STACK.move(1, 2)
    assert STACK.apply({"op": "arrange", "order": [0, 3]}) == STACK.remove(1).remove(1)
    assert STACK.apply({"op": "arrange", "order": [0, 1, 2, 1, 2, 3]}).blocks[3:5] == STACK.blocks[1:3]
    assert STACK.apply({"op": "arrange", "order": []}).blocks == ()
    assert STACK.apply({"op": "arrange", "order": [0, 1, 2, 3]}) == STACK


def test_pasted_blocks_stand_together() -> None:
    lines = [{"kind": "pool"}, {"kind": "basic", "channels": 8, "label": "Mine"}]
    pasted = STACK.apply({"op": "paste", "at": 3, "blocks": lines})
    assert kinds(pasted) == ["stem", "basic", "basic", "pool", "basic", "classifier"]
    assert pasted.blocks[4].label == "Mine"


def test_a_group_of_settings_is_made_entirely_or_not_at_all() -> None:
    edits = [{"op": "set", "at": at, "fields": {"repeat": 3, "norm": "none"}} for at in (1, 2)]
    done = STACK.apply({"op": "group", "edits": edits})
    assert [block.copies for block in done.blocks] == [1, 3, 3, 1]
    edits.append({"op": "set", "at": 3, "fields": {"classes": 0}})
    with pytest.raises(EditError, match="block 4: classes: input should be greater than or equal to 2"):
        STACK.apply({"op": "group", "edits": edits})


def test_a_label_names_its_card_and_changes_no_count_and_no_trace() -> None:
    named = STACK.apply({"op": "set", "at": 1, "fields": {"label": "Stage 1"}})
    analyze.cache_clear()
    plain = analyze(STACK)
    traced = _record.cache_info().misses
    report = analyze(named)
    assert _record.cache_info().misses == traced
    assert [card.title for card in report.cards] == ["Stem", "Stage 1", "Basic block", "Classifier"]
    assert [row.title for row in report.blocks][1:3] == ["Stage 1", "Stage 1"]
    assert (report.params, report.macs, report.saved_bytes) == (plain.params, plain.macs, plain.saved_bytes)
    assert named.unnamed() == STACK.unnamed()
    assert Network.from_token(named.token()) == named
    assert Network.from_token(STACK.token()) == STACK


def test_errors_call_a_card_by_its_label() -> None:
    fields = {"label": "Stage 2", "shortcut": "identity"}
    with pytest.raises(ShapeError, match=r"block 3 \(Stage 2\) adds 4×8×8 to 8×4×4"):
        analyze(STACK.apply({"op": "set", "at": 2, "fields": fields}))
    labelled = STACK.apply({"op": "set", "at": 3, "fields": {"label": "The end"}})
    with pytest.raises(ShapeError, match=r"stands after block 4 \(The end\)"):
        analyze(labelled.insert(4, blocks.Pool()))


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({}, "op"),
        ({"op": "explode"}, "op"),
        ({"op": "remove", "at": 4}, "there is no position 4 in a stack of 4 blocks"),
        ({"op": "remove", "at": -1}, "there is no position -1"),
        ({"op": "move", "at": 0, "to": 9}, "there is no position 9"),
        ({"op": "remove", "at": "<b>"}, "at: input should be a valid integer"),
        ({"op": "insert", "at": 0, "block": {"kind": "transformer"}}, "block"),
        ({"op": "insert", "at": 0, "block": {"kind": "pool", "kernel": 99}}, "block.kernel: input should be less than"),
        ({"op": "set", "at": 1, "fields": {"channels": 9000}}, "channels: input should be less than or equal to 8192"),
        ({"op": "set", "at": 1, "fields": {"nonsense": 1}}, "nonsense: extra inputs are not permitted"),
        ({"op": "set", "at": 1, "fields": {"kind": "pool"}}, "kind"),
        ({"op": "input", "shape": [3, 0, 9]}, "shape.height: input should be greater than or equal to 1"),
        ({"op": "input", "shape": [3, 9]}, "shape"),
        ({"op": "name", "name": "x" * 81}, "name: string should have at most 80 characters"),
        ({"op": "arrange", "order": [0, 4]}, "there is no position 4 in a stack of 4 blocks"),
        ({"op": "arrange", "order": [True]}, "order[0]: input should be a valid integer"),
        ({"op": "arrange", "order": [0] * 1025}, "order: list should have at most 1024 items"),
        ({"op": "paste", "at": 5, "blocks": [{"kind": "pool"}]}, "there is no position 5"),
        ({"op": "paste", "at": 0, "blocks": []}, "blocks: list should have at least 1 item"),
        ({"op": "paste", "at": 0, "blocks": [{"kind": "pool", "kernel": 99}]}, "blocks[0].kernel: input should"),
        ({"op": "paste", "at": 0, "blocks": [{"kind": "pool"}] * 1021}, "tuple should have at most 1024 items"),
        ({"op": "group", "edits": [{"op": "remove", "at": 0}]}, "edits[0].op: input should be 'set'"),
        ({"op": "group", "edits": []}, "edits: list should have at least 1 item"),
        ({"op": "set", "at": 1, "fields": {"channels": 10**5000}}, "channels: input should be less than"),
        ({"op": "set", "at": 1, "fields": {"x" * 10_000: 1}}, "extra inputs are not permitted"),
        ({"op": "remove", "at": 10**5000}, "at: input should be less than"),
    ],
)  # fmt: skip
def test_an_edit_that_cannot_be_made_says_why_in_one_sentence(edit: dict, words: str) -> None:
    with pytest.raises(EditError) as caught:
        STACK.apply(edit)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@given(any_stacks())
def test_json_and_token_bring_back_the_same_network(network: Network) -> None:
    assert Network.from_json(network.to_json()) == network
    token = network.token()
    assert Network.from_token(token) == network
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_networks_that_differ_in_one_field_differ_in_their_texts() -> None:
    for block, name, value in [
        (blocks.Basic(), "mid_ratio", 2.0),
        (blocks.Basic(), "bias", "yes"),
        (blocks.Pool(), "ceil_mode", True),
        (blocks.Classifier(), "hidden", (3,)),
    ]:
        one = Network(blocks=(block,))
        other = Network(blocks=(block.with_fields(**{name: value}),))
        assert one.to_json() != other.to_json()
        assert one.token() != other.token()
        assert hash(one) != hash(other)


@pytest.mark.parametrize("name", presets.names())
def test_a_link_to_a_preset_is_short(name: str) -> None:
    token = presets.load(name).token()
    assert Network.from_token(token) == presets.load(name)
    assert len(token) < 1200


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "invalid JSON"),
        ("{", "invalid JSON"),
        ("[" * 100_000, "invalid JSON"),
        ("[]", "should be"),
        ("{}", "blocks: field required"),
        ('{"input": [3, 8, 8]}', "blocks: field required"),
        ('{"blocks": [{"kind": "basic"}, {"kind": "basic", "channels": 0}]}', "blocks[1].channels: input"),
        ('{"blocks": [{"kind": "alien"}]}', "blocks[0]: input tag 'alien'"),
        ('{"blocks": [{"channels": 3}]}', "blocks[0]: unable to extract tag"),
        ('{"blocks": [{"kind": "inception", "branches": "1x1"}]}', "blocks[0].branches: expected a step"),
        ('{"input": [3, 5000, 5]}', "input.height: input should be less than or equal to 4096 (got 5000)"),
        ('{"secret": 1}', "secret: extra inputs are not permitted"),
        ('{"blocks": [' + ",".join(['{"kind": "pool"}'] * 1025) + "]}", "blocks: tuple should have at most 1024 items"),
        ('{"name": "' + "x" * 2_000_001 + '"}', "more than the 2,000,000 of any network"),
        ('{"blocks": [{"kind": "identity_mapping", "tolerance": NaN}]}', "blocks[0].tolerance"),
    ],
)  # fmt: skip
def test_bad_json_gives_one_sentence_that_names_the_place(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Network.from_json(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def packed(text: str) -> str:
    return "1" + base64.urlsafe_b64encode(zlib.compress(text.encode())).decode().rstrip("=")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "its first character should be its version"),
        ("2abc", "its first character should be its version"),
        ("1", "cut short"),
        ("1!!!!", "damaged or cut short"),
        ("1é", "damaged or cut short"),
        ("1" + "A" * 200_000, "more than the 100,000"),
        (STACK.token()[:-6], "cut short"),
        (packed(" " * 50_000_000), "cut short or too large"),
        (packed('{"blocks": [{"kind": "alien"}]}'), "blocks[0]"),
    ],
)
def test_a_bad_token_gives_one_sentence(token: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Network.from_token(token)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(valid_stacks(max_bodies=3))
def test_a_plain_twin_starts_with_the_same_weights_on_shared_paths(network: Network) -> None:
    try:
        twin = network.plain().build(seed=3).state_dict()
    except ShapeError:  # without its concatenation a general residual block gives other channels
        return
    own = network.build(seed=3).state_dict()
    zeroed = {f"{card}" for card, block in enumerate(network.blocks) if getattr(block, "norm", "") == "none"}
    for path in own.keys() & twin.keys():
        weight = f"{path.rpartition('.')[0]}.weight"  # a layer of another width is another layer, its bias included
        other = weight in own and own[weight].shape != twin[weight].shape
        if other or path.split(".")[0] in zeroed or ".merge.norm." in path:
            continue
        assert torch.equal(own[path], twin[path]), path


def test_seeds_draw_different_weights_and_the_same_seed_the_same() -> None:
    one, same, other = (STACK.build(seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[path], same[path]) for path in one)
    assert not torch.equal(one["0.layers.0.conv.weight"], other["0.layers.0.conv.weight"])


def test_building_leaves_the_process_generator_alone() -> None:
    before = torch.get_rng_state()
    STACK.build(seed=5)
    assert torch.equal(before, torch.get_rng_state())


def test_convolutions_start_he_normal_by_fan_out() -> None:
    stack = Network(input=Shape(64, 8, 8), blocks=(blocks.Conv(channels=256, kernel=3),))
    weight = stack.build().state_dict()["0.0.conv.weight"]
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.02)
    bare = stack.replace(0, blocks.Conv(channels=256, kernel=3, norm="none")).build().state_dict()["0.0.conv.weight"]
    assert bare.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)


def test_the_model_gives_logits_and_predicts_probabilities() -> None:
    model = STACK.build().eval()
    images = torch.randn(3, 1, 8, 8)
    assert model(images).shape == (3, 10)
    assert torch.allclose(model.predict(images).sum(1), torch.ones(3))
    assert torch.equal(model.predict(images), model(images).softmax(1))


def test_a_skeleton_has_the_same_parameters_and_no_memory() -> None:
    skeleton, model = STACK.skeleton(), STACK.build()
    assert {k: v.shape for k, v in skeleton.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert all(parameter.is_meta for parameter in skeleton.parameters())


def test_a_model_over_the_budget_is_refused_with_its_size() -> None:
    with pytest.raises(TooLargeError, match=r"more than the budget of 0\.0 GiB"):
        STACK.build(budget=100)


def test_a_stem_stands_first_and_a_head_last() -> None:
    head, stem, body = blocks.Classifier(), blocks.Stem(form="cifar", channels=4), blocks.Basic(channels=4)
    shape = Shape(4, 8, 8)
    with pytest.raises(ShapeError, match=r"block 2 \(Stem\) stands after other blocks, but a stem comes first") as late:
        analyze(Network(input=shape, blocks=(body, stem, head)))
    with pytest.raises(ShapeError, match=r"block 2 \(Basic block\) stands after block 1 \(Classifier\)") as behind:
        analyze(Network(input=shape, blocks=(head, body)))
    with pytest.raises(ShapeError, match=r"block 2 \(Classifier\) stands after block 1"):
        analyze(Network(input=shape, blocks=(head, head)))
    for error, network in ((late.value, (body, stem, head)), (behind.value, (head, body))):
        for way in error.ways:
            analyze(Network(input=shape, blocks=network).apply(way.edit))


def test_blocks_that_share_weights_must_agree() -> None:
    stack = Network(
        input=Shape(8, 32, 32),
        blocks=(blocks.Downsampling(channels=8, share="W"), blocks.Downsampling(channels=16, share="W")),
    )
    with pytest.raises(
        ShapeError, match='shares W "W" with block 1, but its filters are 16×16×3×3 and there 8×8×3×3'
    ) as caught:
        analyze(stack)
    assert [way.label for way in caught.value.ways] == ["channels 8", "a W of its own"]
    for way in caught.value.ways:
        analyze(stack.apply(way.edit))


def test_limits_are_refused_and_not_tried() -> None:
    full = Network(input=Shape(4, 8, 8), blocks=(blocks.Conv(channels=4, repeat=256),) * 4)
    assert len(analyze(full).blocks) == 1024
    with pytest.raises(ShapeError, match=r"block number 1,025 with repeats written out, more than 1,024"):
        analyze(full.insert(4, blocks.Conv(channels=4)))
    with pytest.raises(ShapeError, match=r"grows to 8,200 channels, more than 8,192"):
        analyze(Network(input=Shape(8000, 8, 8), blocks=(blocks.Residual(width=100, merge="concat", repeat=3),)))
    with pytest.raises(ShapeError, match=r"makes 16,000 channels, more than 8,192"):
        analyze(Network(blocks=(blocks.Inception(branches="1x1:8000 | 1x1:8000"),)))


def test_an_empty_network_is_counted() -> None:
    report = analyze(Network(input=Shape(3, 5, 7)))
    assert (report.params, report.macs, report.saved_bytes) == (0, 0, 0)
    assert report.output_shape == (3, 5, 7)
    assert report.cards == report.blocks == report.operations == ()
    assert report.receptive_field is not None
    assert report.receptive_field.size == 1


def test_names_in_json_are_data_and_nothing_else() -> None:
    name = '<img src=x onerror="alert(1)">'
    network = Network(name=name)
    assert json.loads(network.to_json())["name"] == name
    assert Network.from_token(network.token()).name == name
