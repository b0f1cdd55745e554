%% The same as bench/workloads/hot-load.ts, but told: nothing here watches a folder. The probes yield between two
%% questions, where the others sleep 0.2 ms: a timer here takes a whole millisecond or two.
-module(hot_load).
-export([values/2, probe/3, drops/3]).

-define(EVERY_MS, 10).

values(Variant, #{processes := N, versions := Versions} = Params) ->
    Wait = case Variant of under_load -> hibernate; told -> 'receive' end,
    Builds = list_to_tuple([code_load:build(V, Wait) || V <- lists:seq(1, Versions)]),
    Folder = filename:join(filename:basedir(user_cache, "tsvm-bench"), os:getpid()),
    Target = filename:join(Folder, "code_loaded.beam"),
    ok = filelib:ensure_dir(Target),
    Drop = {filename:join(Folder, "next"), Target, Builds},
    try
        dropped(Drop, 1),
        {module, _} = load(Drop),
        Schedulers = erlang:system_info(schedulers),
        Pids = [element(1, spawn_opt(code_loaded, loop, [], [monitor, {scheduler, I rem Schedulers + 1}])) || I <- lists:seq(1, N)],
        Result = case Variant of
                     told -> told(Params, Pids, Drop);
                     under_load -> under_load(Params, list_to_tuple(Pids), Drop)
                 end,
        Killed = code_load:downs(0),
        [exit(Pid, kill) || Pid <- Pids],
        [receive {'DOWN', _, process, _, _} -> ok end || _ <- lists:nthtail(Killed, Pids)],
        [{killed, Killed} | Result]
    after
        file:del_dir_r(Folder)
    end.

dropped({Stage, Target, Builds}, Version) ->
    ok = file:write_file(Stage, element(Version, Builds)),
    Start = erlang:monotonic_time(),
    ok = file:rename(Stage, Target),
    Start.

load({_, Target, _}) ->
    code:purge(code_loaded),
    code:load_abs(filename:rootname(Target)).

told(#{n := N, warm := Warm}, Pids, {_, _, Builds} = Drop) ->
    Times = [once(Load rem size(Builds) + 1, Pids, Drop) || Load <- lists:seq(1, Warm + N)],
    Sorted = lists:sort(lists:nthtail(Warm, Times)),
    [{p50, percentile(Sorted, 50)}, {p99, percentile(Sorted, 99)}].

once(Version, Pids, Drop) ->
    Main = self(),
    code:purge(code_loaded),
    Schedulers = erlang:system_info(schedulers),
    [tsvm_bench:pinned(I, fun() -> probe(lists:nth(I, Pids), Version, Main) end) || I <- lists:seq(1, Schedulers)],
    Start = dropped(Drop, Version),
    {module, _} = load(Drop),
    Last = lists:max([receive {seen, At} -> At end || _ <- lists:seq(1, Schedulers)]),
    code_load:ask_all(Pids),
    [V = Version || V <- code_load:ask_all(Pids)],
    tsvm_bench:seconds(Last - Start) * 1000.

probe(Pid, Version, Main) ->
    Pid ! {call, self(), 1, 1},
    receive
        {1, Version, _} -> Main ! {seen, erlang:monotonic_time()};
        {1, _, _} -> erlang:yield(), probe(Pid, Version, Main)
    end.

percentile(Sorted, Percent) -> lists:nth(max(1, ceil(length(Sorted) * Percent / 100)), Sorted).

under_load(#{quietMs := QuietMs, loadingMs := LoadingMs}, Pids, Drop) ->
    code_load:ask_all(tuple_to_list(Pids)),
    {Before, _, _, BeforeFailed} = code_load:clients(Pids, QuietMs),
    Main = self(),
    tsvm_bench:pinned(1, fun() -> drops(Drop, LoadingMs, Main) end),
    {Rate, P99, _, Failed} = code_load:clients(Pids, LoadingMs),
    Loads = receive {loads, Count} -> Count end,
    [{before_rate, Before}, {loading_rate, Rate}, {kept, Rate / Before}, {loading_p99, P99},
     {loads, Loads / LoadingMs * 1000}, {failed, BeforeFailed + Failed}].

drops(Drop, Ms, Main) ->
    Main ! {loads, drops(Drop, erlang:monotonic_time(millisecond), ?EVERY_MS, Ms, 0)}.

drops(_Drop, _Start, Due, Ms, Count) when Due >= Ms -> Count;
drops({_, _, Builds} = Drop, Start, Due, Ms, Count) ->
    timer:sleep(max(0, Start + Due - erlang:monotonic_time(millisecond))),
    dropped(Drop, (Count + 1) rem size(Builds) + 1),
    {module, _} = load(Drop),
    drops(Drop, Start, Due + ?EVERY_MS, Ms, Count + 1).
