%% The same as bench/workloads/ets.ts.
-module(ets_bench).
-export([body/2]).

body(Variant, #{n := Ops, rows := Rows}) ->
    [Layout, Job] = string:split(atom_to_list(Variant), "."),
    Options = case Layout of
        "single" -> [set];
        _ -> [set, public, {read_concurrency, true}, {write_concurrency, true}]
    end,
    Table = ets:new(rows, Options),
    Job =:= "insert" orelse insert(Table, Rows, Rows, 1, 1),
    Time = run(Layout, list_to_atom(Job), Table, Rows, Ops),
    check(Job, Table, Rows, Ops),
    ets:delete(Table),
    {Ops, Time}.

run("single", Job, Table, Rows, Ops) ->
    Start = erlang:monotonic_time(),
    job(Job, Table, Rows, Ops, 1, 1),
    erlang:monotonic_time() - Start;
run("remote", Job, Table, Rows, Ops) ->
    elsewhere([{2, {Job, Table, Rows, Ops, 1, 1}}]);
run("conc2", insert, Table, Rows, Ops) ->
    elsewhere([{Which, {insert, Table, Rows, Ops div 2, Which, 2}} || Which <- [1, 2]]);
run("conc2", Job, Table, Rows, Ops) ->
    elsewhere([{Which, {Job, Table, Rows, Ops div 2, 1 + (Which - 1) * Rows div 2, 1}}
               || Which <- [1, 2]]).

elsewhere(Jobs) ->
    Main = self(),
    Workers = [tsvm_bench:pinned(Where, fun() -> worker(Main, What) end) || {Where, What} <- Jobs],
    [receive ready -> ok end || _ <- Workers],
    Start = erlang:monotonic_time(),
    [Pid ! go || Pid <- Workers],
    [receive done -> ok end || _ <- Workers],
    erlang:monotonic_time() - Start.

worker(Main, {Job, Table, Rows, Ops, From, Step}) ->
    Main ! ready,
    receive go -> ok end,
    job(Job, Table, Rows, Ops, From, Step),
    Main ! done.

job(insert, Table, Rows, Ops, From, Step) -> insert(Table, Rows, Ops, From, Step);
job(lookup, Table, Rows, Ops, From, _) -> lookup(Table, Rows, Ops, From);
job(update_counter, Table, Rows, Ops, From, _) -> update_counter(Table, Rows, Ops, From);
job(select_1pct, Table, Rows, Ops, _, _) -> select(Table, Rows div 100, Ops).

insert(_, _, 0, _, _) -> ok;
insert(Table, Rows, Ops, I, Step) ->
    K = I * 7919 rem Rows,
    ets:insert(Table, {K, 0, K rem 100, <<"sixteen bytes...">>}),
    insert(Table, Rows, Ops - 1, I + Step, Step).

lookup(_, _, 0, _) -> ok;
lookup(Table, Rows, Ops, I) ->
    K = I * 7919 rem Rows,
    [{K, _, _, _}] = ets:lookup(Table, K),
    lookup(Table, Rows, Ops - 1, I + 1).

update_counter(_, _, 0, _) -> ok;
update_counter(Table, Rows, Ops, I) ->
    ets:update_counter(Table, I * 7919 rem Rows, {2, 1}),
    update_counter(Table, Rows, Ops - 1, I + 1).

select(_, _, 0) -> ok;
select(Table, Expected, Ops) ->
    Expected = length(ets:select(Table, [{{'$1', '_', 7, '_'}, [], ['$1']}])),
    select(Table, Expected, Ops - 1).

check("insert", Table, Rows, _) -> Rows = ets:info(Table, size);
check("update_counter", Table, _, Ops) ->
    Ops = ets:foldl(fun({_, Count, _, _}, Sum) -> Sum + Count end, 0, Table);
check(_, _, _, _) -> ok.
