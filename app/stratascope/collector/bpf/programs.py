"""The two fixed programs: what they read of a thread is all that is ever read, and no address comes from outside.

`threads` runs for every thread and tells its ids, its securebits, and of its Landlock domain the id, the number of
layers and what the youngest one handles. `domain` runs for the threads whose ids are in a map, and tells their domain:
the rights that each layer handles, the ids of the domains above, and its rules with the paths of their files. It goes
over the two trees of rules one step at a time; the number of steps and the room for what it tells are bounded, and an
unfinished walk is marked. security/landlock/{cred,ruleset,object,domain}.h.

The objective credentials are read (`real_cred`), as /proc does: the others are somebody else's for a moment while the
kernel works on a container's files (override_creds).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from stratascope.collector.bpf.assembler import (
    FOR_EACH,
    FRAME,
    MAP_LOOKUP,
    PROBE_READ_STRING,
    SEQ_WRITE,
    Program,
)
from stratascope.collector.bpf.btf import Btf, NoLayoutError

# one record of `threads`: tid, tgid, securebits, layers, id of the domain, handled rights of its first layer, 0
THREAD = struct.Struct("<IIIIQII")

ROOM = 1 << 19  # bytes for all that `domain` tells at once
STEPS = 1 << 15  # per thread: an edge of a tree, or a part of a path
LAYERS_MAX = 16  # LANDLOCK_MAX_NUM_LAYERS
PARTS_MAX = 64  # of a path
_LONGEST = 512  # bytes of one record, and more
# Records of `domain`, after a word with the place of the next one. Each starts with its kind and a number.
START = struct.Struct("<IIQIIII")  # kind, tid, id, layers, rules, whether it was finished, 0; then LAYERS_MAX words
RULE = struct.Struct("<IIQIIII")  # kind, layers, inode or port, device, mode, links, 0 file or 1 port; then layers
DOMAIN, ABOVE, FILE, PART = 1, 2, 3, 4
FIRST = 16  # place of the first record
LAYER = 8  # bytes for each layer of a rule, and the most that the kernel's may have


class Layout(NamedTuple):
    """Where the fields are, in bytes. Optional ones are -1 where this kernel has none."""

    iterator: int  # the number of bpf_iter_task
    pid: int
    tgid: int
    cred: int
    securebits: int
    security: int
    domain: int
    hierarchy: int
    layers: int
    rules: int
    masks: int
    mask_size: int  # bytes for each layer
    parent: int  # of a hierarchy
    id: int
    files: int  # the two trees
    ports: int
    node: int
    key: int
    rule_layers: int
    rule_layer: int
    layer_size: int
    level: int
    access: int
    access_size: int
    object: int
    inode_dentry: int
    inode_number: int
    inode_mode: int
    inode_links: int
    inode_super: int
    device: int
    dentry_alias: int
    dentry_parent: int
    dentry_name: int
    right: int
    left: int
    up: int
    net_bit: int  # in a word of `masks`
    scope_bit: int


def layout(btf: Btf, abi: int) -> Layout:
    """The offsets on this kernel, whose Landlock has that version (0: none). Raises NoLayoutError."""

    def at(path: str) -> int:
        return btf.field(path).offset

    def perhaps(path: str) -> int:
        return at(path) if btf.has(path) else -1

    plain = (
        btf.function("bpf_iter_task"),
        at("task_struct.pid"),
        at("task_struct.tgid"),
        at("task_struct.real_cred"),
        at("cred.securebits"),
        at("cred.security"),
    )
    if not abi:
        return Layout(*plain, *(-1,) * (len(Layout._fields) - len(plain)))
    if btf.points_to(btf.field("landlock_cred_security.domain")) != "landlock_ruleset":
        raise NoLayoutError("Landlock's domains are laid out in another way on this kernel")
    net, scope = 32, 32
    if btf.has("access_masks"):  # since 6.11; before, the network's rights were above those of files (6.7)
        masks, size = at("landlock_ruleset.access_masks"), btf.size("access_masks")
        net = _bit(btf, "access_masks.net")
        scope = _bit(btf, "access_masks.scope") if btf.has("access_masks.scope") else 32
    elif btf.has("landlock_ruleset.access_masks"):
        masks, size, net = at("landlock_ruleset.access_masks"), 4, 15 if abi < 5 else 16
    else:
        masks, size = at("landlock_ruleset.fs_access_masks"), 2
    access = btf.field("landlock_layer.access")
    if btf.size("landlock_layer") > LAYER or size > 4:
        raise NoLayoutError("Landlock's rules are laid out in another way on this kernel")
    files = "landlock_ruleset.root_inode"
    return Layout(
        *plain,
        at("landlock_cred_security.domain"),
        at("landlock_ruleset.hierarchy"),
        at("landlock_ruleset.num_layers"),
        at("landlock_ruleset.num_rules"),
        masks,
        size,
        at("landlock_hierarchy.parent"),
        perhaps("landlock_hierarchy.id"),
        at(files) if btf.has(files) else at("landlock_ruleset.root"),
        perhaps("landlock_ruleset.root_net_port"),
        at("landlock_rule.node"),
        at("landlock_rule.key") if btf.has("landlock_rule.key") else at("landlock_rule.object"),
        at("landlock_rule.num_layers"),
        at("landlock_rule.layers"),
        btf.size("landlock_layer"),
        at("landlock_layer.level"),
        access.offset,
        min(4, btf.size("landlock_layer") - access.offset),
        at("landlock_object.underobj"),
        at("inode.i_dentry"),
        at("inode.i_ino"),
        at("inode.i_mode"),
        at("inode.i_nlink"),
        at("inode.i_sb"),
        at("super_block.s_dev"),
        at("dentry.d_u.d_alias") if btf.has("dentry.d_u.d_alias") else at("dentry.d_alias"),
        at("dentry.d_parent"),
        at("dentry.d_name.name") if btf.has("dentry.d_name.name") else at("dentry.d_name") + at("qstr.name"),
        at("rb_node.rb_right"),
        at("rb_node.rb_left"),
        at("rb_node.__rb_parent_color"),
        net,
        scope,
    )


def _bit(btf: Btf, path: str) -> int:
    field = btf.field(path)
    return 8 * field.offset + field.bit


def threads(where: Layout, blob: int) -> Program:
    """The program for every thread. `blob`: where Landlock's part of a security blob is; -1: it has none."""
    made = Program()
    record = -THREAD.size
    _thread(made, where)
    for place in range(record, 0, 8):
        made.store_number(FRAME, place, 0)
    made.load(1, 7, where.pid, 4)
    made.store(FRAME, record, 1, 4)
    made.load(1, 7, where.tgid, 4)
    made.store(FRAME, record + 4, 1, 4)
    made.load(8, 7, where.cred)
    made.jump_if(8, "==", 0, "end")
    made.load(1, 8, where.securebits, 4)
    made.store(FRAME, record + 8, 1, 4)
    if blob >= 0:
        made.load(9, 8, where.security)
        made.jump_if(9, "==", 0, "write")
        made.peek(FRAME, record - 8, 8, 9, blob + where.domain)
        made.load(8, FRAME, record - 8)
        made.jump_if(8, "==", 0, "write")
        made.peek(FRAME, record + 12, 4, 8, where.layers)
        made.peek(FRAME, record + 24, min(4, where.mask_size), 8, where.masks)
        made.peek(FRAME, record - 8, 8, 8, where.hierarchy)
        made.load(9, FRAME, record - 8)
        if where.id >= 0:
            made.peek(FRAME, record + 16, 8, 9, where.id)
        else:  # before 6.15 it has no id: two threads have the same domain if they have the same hierarchy
            made.store(FRAME, record + 16, 9)
    made.label("write")
    made.load(1, 6, 0)
    made.load(1, 1, 0)  # struct bpf_iter_meta: seq
    made.move(2, FRAME)
    made.alu("+", 2, record)
    made.set(3, THREAD.size)
    made.call(SEQ_WRITE)
    made.label("end")
    made.exit(0)
    return made


def _thread(made: Program, where: Layout) -> None:
    """r6 = the context, r7 = the thread; ends where there is none."""
    made.move(6, 1)
    made.load(7, 6, 8)
    made.jump_if(7, "==", 0, "end")


# What the two functions of `domain` share, in a map that nobody outside can write: the verifier, which tries each value
# that it knows, knows none of these
STATE = 80  # bytes
_MODE, _NODE, _FROM, _DENTRY, _OUT, _TREE, _FILES, _PORTS, _PARTS, _START = range(0, STATE, 8)
_UP, _DOWN, _NAMES, _ENDED = 0, 1, 2, 3


def domain(where: Layout, blob: int, wanted: int, told: int, state: int, steps: int) -> Program:
    """The program for the threads in the map `wanted`; it writes into `told`. `steps` has as many elements as steps."""
    made = Program()
    _thread(made, where)
    made.load(1, 7, where.pid, 4)
    made.store(FRAME, -8, 1, 4)
    made.map(1, wanted)
    made.move(2, FRAME)
    made.alu("+", 2, -8)
    made.call(MAP_LOOKUP)
    made.jump_if(0, "==", 0, "end")
    made.load(8, 7, where.cred)
    made.jump_if(8, "==", 0, "end")
    made.load(9, 8, where.security)
    made.jump_if(9, "==", 0, "end")
    made.peek(FRAME, -16, 8, 9, blob + where.domain)
    made.load(8, FRAME, -16)
    made.jump_if(8, "==", 0, "end")
    made.map_value(6, state)
    for place in range(0, STATE, 8):
        made.store_number(6, place, 0)
    made.map_value(9, told)
    made.load(1, 9, 0)  # where it has come to
    made.jump_if(1, ">", ROOM - _LONGEST, "end")
    made.store(6, _START, 1)
    made.add(9, 1)
    made.alu("+", 1, START.size + 4 * LAYERS_MAX)
    made.store(6, _OUT, 1)
    made.store_number(9, 0, DOMAIN, 4)
    made.load(1, 7, where.pid, 4)
    made.store(9, 4, 1, 4)
    made.store_number(9, 8, 0)
    made.store_number(9, 24, 0)
    made.peek(9, 16, 4, 8, where.layers)
    made.peek(9, 20, 4, 8, where.rules)
    made.load(7, 9, 16, 4)
    made.jump_if(7, ">", LAYERS_MAX, "end")
    for place in range(START.size, START.size + 4 * LAYERS_MAX, 8):
        made.store_number(9, place, 0)
    made.peek_several(9, START.size, 7, where.mask_size, 8, where.masks)
    made.peek(6, _NODE, 8, 8, where.hierarchy)
    made.peek(6, _FILES, 8, 8, where.files)
    if where.ports >= 0:
        made.peek(6, _PORTS, 8, 8, where.ports)
    made.map(1, steps)
    made.function(2, "step")
    made.move(3, FRAME)
    made.set(4, 0)
    made.call(FOR_EACH)
    made.map_value(9, told)
    made.load(1, 6, _OUT)
    made.store(9, 0, 1)
    made.load(2, 6, _START)
    made.jump_if(2, ">", ROOM - _LONGEST, "end")
    made.add(9, 2)
    made.load(1, 6, _MODE)
    made.jump_if(1, "!=", _ENDED, "end")
    made.store_number(9, 24, 1, 4)
    made.label("end")
    made.exit(0)
    _step(made, where, told, state)
    return made


def _step(made: Program, where: Layout, told: int, state: int) -> None:
    """One step: r9 the shared state, r8 the place to write at, r7 what it is about."""
    made.label("step")
    made.map_value(9, state)
    made.load(8, 9, _OUT)
    made.jump_if(8, ">", ROOM - _LONGEST, "stop")
    made.map_value(6, told)
    made.add(6, 8)
    made.load(1, 9, _MODE)
    made.jump_if(1, "==", _DOWN, "tree")
    made.jump_if(1, "==", _NAMES, "names")
    made.jump_if(1, "==", _ENDED, "stop")

    # the domains above, youngest first
    made.load(7, 9, _NODE)
    made.jump_if(7, "==", 0, "next tree")
    made.store_number(6, 0, ABOVE, 4)
    made.store_number(6, 4, 0, 4)
    if where.id >= 0:
        made.peek(6, 8, 8, 7, where.id)
    else:
        made.store(6, 8, 7)
    made.peek(FRAME, -8, 8, 7, where.parent)
    made.load(1, FRAME, -8)
    made.store(9, _NODE, 1)
    made.alu("+", 8, 16)
    made.store(9, _OUT, 8)
    made.jump("on")

    made.label("next tree")  # first the files', then the ports', then the end
    made.load(7, 9, _FILES)
    made.load(1, 9, _PORTS)
    made.store(9, _FILES, 1)
    made.store_number(9, _PORTS, 0)
    made.load(2, 9, _TREE)
    made.alu("+", 2, 1)
    made.store(9, _TREE, 2)
    made.store_number(9, _MODE, _DOWN)
    made.store(9, _NODE, 7)
    made.store_number(9, _FROM, 0)
    made.jump_if(2, "<=", 2, "on")
    made.store_number(9, _MODE, _ENDED)
    made.label("stop")
    made.exit(1)

    made.label("tree")
    made.load(7, 9, _NODE)
    made.jump_if(7, "==", 0, "next tree")
    made.peek(FRAME, -24, 24, 7, 0)
    made.load(3, FRAME, -24 + where.left)
    made.load(2, FRAME, -24 + where.right)
    made.load(1, 9, _FROM)
    made.jump_if(1, "==", 0, "visit")
    made.jump_if(1, "==", "r3", "right")
    made.jump_if(1, "==", "r2", "up")
    made.label("visit")
    _rule(made, where)
    made.load(3, FRAME, -24 + where.left)
    made.jump_if(3, "==", 0, "right")
    made.store(9, _NODE, 3)
    made.jump("from here")
    made.label("right")
    made.load(2, FRAME, -24 + where.right)
    made.jump_if(2, "==", 0, "up")
    made.store(9, _NODE, 2)
    made.jump("from here")
    made.label("up")
    made.load(1, FRAME, -24 + where.up)
    made.alu("&", 1, ~3)
    made.store(9, _NODE, 1)
    made.label("from here")
    made.store(9, _FROM, 7)
    made.label("on")
    made.exit(0)

    made.label("names")
    made.load(7, 9, _DENTRY)
    made.peek(FRAME, -8, 8, 7, where.dentry_parent)
    made.peek(FRAME, -16, 8, 7, where.dentry_name)
    made.store_number(6, 0, PART, 4)
    made.store_number(6, 4, 0, 4)
    made.load(1, FRAME, -8)
    made.jump_if(1, "==", "r7", "root")
    made.jump_if(1, "==", 0, "nameless")
    made.store(9, _DENTRY, 1)
    made.load(2, 9, _PARTS)
    made.alu("+", 2, 1)
    made.store(9, _PARTS, 2)
    made.jump_if(2, ">", PARTS_MAX, "nameless")
    made.move(1, 6)
    made.alu("+", 1, 8)
    made.set(2, 256)
    made.load(3, FRAME, -16)
    made.call(PROBE_READ_STRING)
    made.jump_if(0, ">", 256, "nameless")  # an error
    made.store(6, 4, 0, 4)
    made.alu("+", 0, 15)
    made.alu("&", 0, ~7)
    made.add(8, 0)
    made.store(9, _OUT, 8)
    made.jump("on")
    made.label("root")  # a part without a name: the path is whole
    made.alu("+", 8, 8)
    made.store(9, _OUT, 8)
    made.label("nameless")
    made.store_number(9, _MODE, _DOWN)
    made.jump("on")


def _rule(made: Program, where: Layout) -> None:
    """Write the rule at r7; if it is a file's, its path is next."""
    made.store_number(6, 0, FILE, 4)
    for place in range(4, RULE.size, 4):
        made.store_number(6, place, 0, 4)
    for place in range(RULE.size, RULE.size + LAYER * LAYERS_MAX, 8):
        made.store_number(6, place, 0)
    made.peek(6, 4, 4, 7, where.rule_layers - where.node)
    made.load(1, 6, 4, 4)
    made.jump_if(1, ">", LAYERS_MAX, "key")
    made.peek_several(6, RULE.size, 1, where.layer_size, 7, where.rule_layer - where.node)
    made.label("key")
    made.peek(FRAME, -32, 8, 7, where.key - where.node)
    made.alu("+", 8, RULE.size + LAYER * LAYERS_MAX)
    made.store(9, _OUT, 8)
    made.load(1, 9, _TREE)
    made.jump_if(1, "==", 1, "file")
    made.load(1, FRAME, -32)
    made.store(6, 8, 1)
    made.store_number(6, 28, 1, 4)
    made.jump("written")
    made.label("file")
    made.load(8, FRAME, -32)
    made.peek(FRAME, -32, 8, 8, where.object)
    made.load(8, FRAME, -32)
    made.jump_if(8, "==", 0, "written")  # the file is gone
    made.peek(6, 8, 8, 8, where.inode_number)
    made.peek(6, 20, 2, 8, where.inode_mode)
    made.peek(6, 24, 4, 8, where.inode_links)
    made.peek(FRAME, -32, 8, 8, where.inode_super)
    made.load(1, FRAME, -32)
    made.move(3, 1)
    made.store(FRAME, -32, 3)
    made.peek(6, 16, 4, 3, where.device)
    made.peek(FRAME, -32, 8, 8, where.inode_dentry)
    made.load(1, FRAME, -32)
    made.jump_if(1, "==", 0, "written")  # no name of it is in memory
    made.alu("-", 1, where.dentry_alias)
    made.store(9, _DENTRY, 1)
    made.store_number(9, _PARTS, 0)
    made.store_number(9, _MODE, _NAMES)
    made.label("written")
