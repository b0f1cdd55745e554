%% The same as bench/workloads/mnesia.ts.
-module(mnesia_tables).
-export([body/2]).

-define(ROWS, 10000).
-define(NAME, <<"abcdefghijklmnop">>).

body(Variant, #{n := N}) ->
    [Where, What] = string:split(atom_to_list(Variant), "."),
    Table = started(Where),
    [ok = mnesia:dirty_write({Table, Key, 0, ?NAME}) || Key <- lists:seq(0, ?ROWS - 1)],
    Run = fun(Count) -> run(What, Table, Count) end,
    Run((N + 9) div 10),
    Start = erlang:monotonic_time(),
    Run(N),
    {N, erlang:monotonic_time() - Start}.

%% A database in a folder of its own, for as long as this BEAM runs.
started(Where) ->
    case mnesia:system_info(is_running) of
        yes -> ok;
        _ ->
            Dir = filename:join("/tmp", "tsvm-bench-mnesia-" ++ os:getpid()),
            os:cmd("rm -rf " ++ Dir),
            application:set_env(mnesia, dir, Dir),
            ok = mnesia:create_schema([node()]),
            ok = mnesia:start()
    end,
    {Table, Copies} = case Where of
        "ram" -> {bench_ram, ram_copies};
        "disc" -> {bench_disc, disc_copies}
    end,
    case mnesia:create_table(Table, [{Copies, [node()]}, {attributes, [key, val, name]}]) of
        {atomic, ok} -> ok;
        {aborted, {already_exists, Table}} -> ok
    end,
    ok = mnesia:wait_for_tables([Table], 5000),
    Table.

run(_What, _Table, 0) -> ok;
run("transaction" = What, Table, N) ->
    Key = (N * 7919) rem ?ROWS,
    {atomic, ok} = mnesia:transaction(fun() ->
        [{Table, Key, Val, Name}] = mnesia:read(Table, Key, write),
        mnesia:write({Table, Key, Val + 1, Name})
    end),
    run(What, Table, N - 1);
run("dirty_write" = What, Table, N) ->
    ok = mnesia:dirty_write({Table, (N * 7919) rem ?ROWS, N, ?NAME}),
    run(What, Table, N - 1);
run("dirty_read" = What, Table, N) ->
    [_] = mnesia:dirty_read(Table, (N * 7919) rem ?ROWS),
    run(What, Table, N - 1).
