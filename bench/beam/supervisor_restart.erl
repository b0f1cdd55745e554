%% The same as bench/workloads/supervisor-restart.ts.
-module(supervisor_restart).
-export([body/2, latencies/2, start_short/3, start_generation/1, init/1, handle_call/3, handle_cast/2]).

body(_Variant, #{n := N}) ->
    quiet(),
    process_flag(trap_exit, true),
    Counter = counters:new(1, [atomics]),
    Start = erlang:monotonic_time(),
    Supervisor = supervise({?MODULE, start_short, [N, self(), Counter]}),
    receive stays -> ok end,
    Time = erlang:monotonic_time() - Start,
    stop(Supervisor),
    {N, Time}.

start_short(N, Parent, Counter) ->
    {ok, spawn_link(fun() ->
        counters:add(Counter, 1, 1),
        case counters:get(Counter, 1) of
            Many when Many =< N -> exit(crash);
            _ -> Parent ! stays, receive stop -> ok end
        end
    end)}.

latencies(_Variant, #{n := N}) ->
    quiet(),
    process_flag(trap_exit, true),
    Counter = counters:new(1, [atomics]),
    Supervisor = supervise({?MODULE, start_generation, [Counter]}),
    Histogram = tsvm_bench:latency_new(),
    crashes(N, Histogram),
    stop(Supervisor),
    [{p50, tsvm_bench:latency_us(Histogram, 50)}, {p99, tsvm_bench:latency_us(Histogram, 99)}].

crashes(0, _Histogram) -> ok;
crashes(N, Histogram) ->
    Before = gen_server:call(bench_generation, generation),
    Start = erlang:monotonic_time(),
    gen_server:cast(bench_generation, crash),
    await(Before),
    tsvm_bench:latency_add(Histogram, erlang:monotonic_time() - Start),
    crashes(N - 1, Histogram).

await(Before) ->
    case catch gen_server:call(bench_generation, generation) of
        Now when is_integer(Now), Now > Before -> ok;
        _ -> erlang:yield(), await(Before)
    end.

start_generation(Counter) ->
    gen_server:start_link({local, bench_generation}, ?MODULE, {generation, Counter}, []).

init({generation, Counter}) ->
    counters:add(Counter, 1, 1),
    {ok, counters:get(Counter, 1)};
init({supervise, Start}) ->
    {ok, {#{strategy => one_for_one, intensity => 1000000000, period => 1}, [#{id => child, start => Start}]}}.

handle_call(generation, _From, N) -> {reply, N, N}.

handle_cast(crash, N) -> ok = failure(N).

failure(N) -> {failed, N}.

supervise(Start) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, {supervise, Start}),
    Supervisor.

stop(Supervisor) ->
    exit(Supervisor, shutdown),
    receive {'EXIT', Supervisor, _} -> ok end.

quiet() ->
    logger:set_primary_config(level, none).
