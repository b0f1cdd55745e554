%% The same as bench/workloads/code-load.ts.
-module(code_load).
-export([values/2, client/3, loads/3, build/2, ask_all/1, clients/2, downs/1]).

-define(LOADS, 20).
-define(CLIENTS, 2).
-define(EVERY_MS, 10).

values(Variant, #{n := N, versions := Versions} = Params) ->
    Builds = list_to_tuple([build(V, 'receive') || V <- lists:seq(1, Versions)]),
    {module, _} = load(element(1, Builds)),
    Pids = [element(1, spawn_opt(code_loaded, loop, [], [monitor])) || _ <- lists:seq(1, N)],
    Result = case Variant of
                 cold -> cold(Pids, Builds);
                 hot -> hot(Params, list_to_tuple(Pids), Builds)
             end,
    Killed = downs(0),
    [exit(Pid, kill) || Pid <- Pids],
    [receive {'DOWN', _, process, _, _} -> ok end || _ <- lists:nthtail(Killed, Pids)],
    [{killed, Killed} | Result].

%% 50 small functions, `version` and `loop`.
build(V, Wait) ->
    Next = case Wait of 'receive' -> "code_loaded:loop()"; hibernate -> "erlang:hibernate(code_loaded, loop, [])" end,
    Small = [io_lib:format("f~w(X) -> X * ~w + ~w.~n", [I, I, V]) || I <- lists:seq(1, 50)],
    Text = ["-module(code_loaded).\n-compile(export_all).\n", Small,
            io_lib:format("version() -> ~w.~n", [V]),
            io_lib:format("loop() -> receive {call, From, Ref, X} -> From ! {Ref, ~w, code_loaded:f7(X)} end, ~s.~n", [V, Next])],
    {ok, Tokens, _} = erl_scan:string(lists:flatten(Text)),
    {ok, code_loaded, Beam} = compile:forms([element(2, erl_parse:parse_form(F)) || F <- forms(Tokens)], [nowarn_export_all]),
    Beam.

forms([]) -> [];
forms(Tokens) ->
    {Form, [Dot | Rest]} = lists:splitwith(fun(T) -> element(1, T) =/= dot end, Tokens),
    [Form ++ [Dot] | forms(Rest)].

load(Beam) -> code:load_binary(code_loaded, "code_loaded.beam", Beam).

cold(Pids, Builds) ->
    Times = [load_once(Load rem size(Builds), Pids, Builds) || Load <- lists:seq(1, ?LOADS)],
    {Visible, All} = lists:unzip(Times),
    [{visible, median(Visible)}, {all_processes, median(All)}].

load_once(At, Pids, Builds) ->
    code:purge(code_loaded),
    Start = erlang:monotonic_time(),
    {module, _} = load(element(At + 1, Builds)),
    visible(At + 1),
    Visible = ms_since(Start),
    ask_all(Pids),
    [V = At + 1 || V <- ask_all(Pids)],
    {Visible, ms_since(Start)}.

visible(V) ->
    case code_loaded:version() of
        V -> ok;
        _ -> visible(V)
    end.

ask_all(Pids) ->
    [Pid ! {call, self(), 1, 1} || Pid <- Pids],
    [receive {1, V, _} -> V end || _ <- Pids].

median(Numbers) -> lists:nth(length(Numbers) div 2 + 1, lists:sort(Numbers)).

ms_since(Start) -> tsvm_bench:seconds(erlang:monotonic_time() - Start) * 1000.

hot(#{quietMs := QuietMs, loadingMs := LoadingMs}, Pids, Builds) ->
    {QuietRate, QuietP99, _, QuietFailed} = clients(Pids, QuietMs),
    Main = self(),
    tsvm_bench:pinned(1, fun() -> loads(Builds, LoadingMs, Main) end),
    {Rate, P99, P9999, Failed} = clients(Pids, LoadingMs),
    {Loaded, Refused} = receive {loads, L, R} -> {L, R} end,
    [{quiet_rate, QuietRate}, {quiet_p99, QuietP99}, {loading_rate, Rate}, {loading_p99, P99},
     {loading_p9999, P9999}, {loads, Loaded / LoadingMs * 1000}, {soft_purge_refused, Refused},
     {failed, QuietFailed + Failed}].

clients(Pids, Ms) ->
    Main = self(),
    [tsvm_bench:pinned(I, fun() -> client(Pids, Ms, Main) end) || I <- lists:seq(1, ?CLIENTS)],
    Results = [receive {calls, R, P, Q, F} -> {R, P, Q, F} end || _ <- lists:seq(1, ?CLIENTS)],
    {Rates, P99, P9999, Failed} = unzip4(Results),
    {lists:sum(Rates), lists:max(P99), lists:max(P9999), lists:sum(Failed)}.

unzip4(List) -> {[A || {A, _, _, _} <- List], [B || {_, B, _, _} <- List], [C || {_, _, C, _} <- List], [D || {_, _, _, D} <- List]}.

client(Pids, Ms, Main) ->
    Histogram = tsvm_bench:latency_new(),
    Start = erlang:monotonic_time(),
    End = Start + erlang:convert_time_unit(Ms, millisecond, native),
    {Count, Failed, Last} = calls(Pids, End, Start, 0, 0, Histogram),
    Main ! {calls, Count / tsvm_bench:seconds(Last - Start), tsvm_bench:latency_us(Histogram, 99),
            tsvm_bench:latency_us(Histogram, 99.99), Failed}.

calls(_Pids, End, Now, Ref, Failed, _Histogram) when Now >= End -> {Ref, Failed, Now};
calls(Pids, End, Now, Ref, Failed, Histogram) ->
    element(Ref rem size(Pids) + 1, Pids) ! {call, self(), Ref, Ref},
    Lost = receive {Ref, _, _} -> 0 after 5000 -> 1 end,
    Next = erlang:monotonic_time(),
    tsvm_bench:latency_add(Histogram, Next - Now),
    calls(Pids, End, Next, Ref + 1, Failed + Lost, Histogram).

loads(Builds, Ms, Main) ->
    {Loaded, Refused} = loads(Builds, erlang:monotonic_time(millisecond), ?EVERY_MS, Ms, 0, 0),
    Main ! {loads, Loaded, Refused}.

loads(_Builds, _Start, Due, Ms, Loaded, Refused) when Due >= Ms -> {Loaded, Refused};
loads(Builds, Start, Due, Ms, Loaded, Refused) ->
    timer:sleep(max(0, Start + Due - erlang:monotonic_time(millisecond))),
    case purged(Start + Ms, 0) of
        {late, More} -> {Loaded, Refused + More};
        More ->
            {module, _} = load(element((Loaded + 1) rem size(Builds) + 1, Builds)),
            loads(Builds, Start, Due + ?EVERY_MS, Ms, Loaded + 1, Refused + More)
    end.

%% Once the clients have ended, nobody is called out of the old version any more.
purged(End, Refused) ->
    case {code:soft_purge(code_loaded), erlang:monotonic_time(millisecond) >= End} of
        {_, true} -> {late, Refused};
        {true, false} -> Refused;
        {false, false} -> timer:sleep(1), purged(End, Refused + 1)
    end.

downs(Count) ->
    receive {'DOWN', _, process, _, _} -> downs(Count + 1) after 0 -> Count end.
