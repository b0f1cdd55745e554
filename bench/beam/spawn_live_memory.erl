%% The same as bench/workloads/spawn-live-memory.ts.
-module(spawn_live_memory).
-export([sizes/2]).

-define(KEPT, 100).
-define(SETTLE_MS, 200).

sizes(_Variant, #{n := N}) ->
    erlang:garbage_collect(),
    Before = memory(),
    Start = erlang:monotonic_time(),
    Kept = spawn_waiting(N, max(N div ?KEPT, 1), []),
    until_idle(),
    Time = erlang:monotonic_time() - Start,
    receive after ?SETTLE_MS -> ok end,
    After = memory(),
    Each = lists:sort([element(2, process_info(P, memory)) || P <- Kept]),
    Difference = lists:zipwith(fun({Name, B}, {Name, A}) -> {Name, (A - B) / N} end, Before, After),
    Difference ++
        [{process_info, lists:nth(length(Each) div 2 + 1, Each)},
         {spawn_rate, N / tsvm_bench:seconds(Time)}].

spawn_waiting(0, _, Kept) -> Kept;
spawn_waiting(N, Every, Kept) ->
    Pid = spawn(fun() -> receive stop -> ok end end),
    spawn_waiting(N - 1, Every, if N rem Every =:= 0 -> [Pid | Kept]; true -> Kept end).

%% This process asks, so it is the only one that runs when the run queues are empty.
until_idle() ->
    erlang:yield(),
    case erlang:statistics(total_active_tasks) of
        Active when Active =< 1 -> ok;
        _ -> until_idle()
    end.

memory() ->
    [{vm_processes, erlang:memory(processes)}, {vm_total, erlang:memory(total)}, {rss, rss()}].

rss() ->
    case file:read_file("/proc/self/statm") of
        {ok, Statm} ->
            [_, Pages | _] = string:split(Statm, " ", all),
            binary_to_integer(Pages) * page_size();
        {error, _} ->
            1024 * list_to_integer(string:trim(os:cmd("ps -o rss= -p " ++ os:getpid())))
    end.

page_size() ->
    case persistent_term:get(page_size, undefined) of
        undefined ->
            Size = list_to_integer(string:trim(os:cmd("getconf PAGESIZE"))),
            persistent_term:put(page_size, Size),
            Size;
        Size ->
            Size
    end.
