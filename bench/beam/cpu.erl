%% The same as bench/workloads/cpu.ts, cpu-kernels.ts and json-encoder.ts.
-module(cpu).
-export([body/2, fib/1]).

body(Variant, #{n := Jobs, size := Size}) ->
    case erlang:system_info(schedulers) of
        1 -> {Jobs, timed(Variant, Jobs, Size)};
        _ -> {Jobs, both(Variant, Jobs, Size)}
    end.

timed(Variant, Jobs, Size) ->
    Input = prepare(Variant, Size),
    Start = erlang:monotonic_time(),
    Result = repeat(Variant, Jobs, Input),
    Time = erlang:monotonic_time() - Start,
    ok = check(Variant, Size, Result),
    Time.

%% Two processes, each with the whole work, until both are done.
both(Variant, Jobs, Size) ->
    Parent = self(),
    Workers = [tsvm_bench:pinned(I, fun() -> worker(Variant, Jobs, Size, Parent) end) || I <- [1, 2]],
    [receive {Worker, ready} -> ok end || Worker <- Workers],
    Start = erlang:monotonic_time(),
    [Worker ! go || Worker <- Workers],
    [receive {Worker, done} -> ok end || Worker <- Workers],
    Time = erlang:monotonic_time() - Start,
    [receive {Worker, ok} -> ok end || Worker <- Workers],
    Time.

worker(Variant, Jobs, Size, Parent) ->
    link(Parent),
    Input = prepare(Variant, Size),
    Parent ! {self(), ready},
    receive go -> ok end,
    Result = repeat(Variant, Jobs, Input),
    Parent ! {self(), done},
    Parent ! {self(), check(Variant, Size, Result)}.

repeat(Variant, 1, Input) -> run(Variant, Input);
repeat(Variant, Jobs, Input) ->
    run(Variant, Input),
    repeat(Variant, Jobs - 1, Input).

prepare(sort_1m, Size) -> random(Size, 42);
prepare(_Variant, Size) -> Size.

run(fib30, N) -> fib(N);
run(int_loop_100m, Size) -> int_loop(Size, Size, 0);
run(float_steps_1m, Size) -> float_steps(Size, 1.0, 0.0, 0.0, 1.1);
run(sort_1m, List) -> lists:sort(List);
run(json_100k, Size) -> encode_documents(Size, <<>>).

check(fib30, 30, 832040) -> ok;
check(fib30, Size, Result) when Size =/= 30, is_integer(Result) -> ok;
check(int_loop_100m, 10000, 130039872) -> ok;
check(int_loop_100m, Size, Result) when Size =/= 10000 ->
    Line = Size * (Size + 1) div 2,
    Result = Line * Line band 16#3fffffff,
    ok;
check(float_steps_1m, 1000000, Energy) when abs(Energy + 0.395050797908837) < 5.0e-16 -> ok;
check(float_steps_1m, Size, Energy) when Size =/= 1000000, abs(Energy + 0.395) < 0.001 -> ok;
check(sort_1m, Size, List) ->
    Size = length(List),
    List = lists:merge(List, []),
    case Size of
        1000000 ->
            71 = hd(List),
            2147482932 = lists:last(List);
        _ ->
            ok
    end,
    ok;
check(json_100k, _Size, Json) when byte_size(Json) =:= 563 -> ok.

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).

int_loop(0, _Size, Sum) -> Sum;
int_loop(I, Size, Sum) -> int_loop(I - 1, Size, int_line(I, Size, Sum)).

int_line(_I, 0, Sum) -> Sum;
int_line(I, J, Sum) -> int_line(I, J - 1, (Sum + I * J) band 16#3fffffff).

float_steps(0, X, Y, Vx, Vy) ->
    (Vx * Vx + Vy * Vy) / 2 - 1 / math:sqrt(X * X + Y * Y);
float_steps(N, X, Y, Vx0, Vy0) ->
    R2 = X * X + Y * Y,
    F = 0.001 / (R2 * math:sqrt(R2)),
    Vx = Vx0 - X * F,
    Vy = Vy0 - Y * F,
    float_steps(N - 1, X + 0.001 * Vx, Y + 0.001 * Vy, Vx, Vy).

random(0, _X) -> [];
random(N, X0) ->
    X = X0 * 16807 rem 2147483647,
    [X | random(N - 1, X)].

encode_documents(0, Last) -> Last;
encode_documents(N, _Last) -> encode_documents(N - 1, encode(document())).

document() ->
    #{active => true,
      id => 123456,
      items => [#{label => <<"an item of the list">>, price => 199, qty => 1, sku => 1001},
                #{label => <<"an item of the list">>, price => 398, qty => 2, sku => 1002},
                #{label => <<"an item of the list">>, price => 597, qty => 3, sku => 1003},
                #{label => <<"an item of the list">>, price => 796, qty => 4, sku => 1004},
                #{label => <<"an item of the list">>, price => 995, qty => 5, sku => 1005}],
      matrix => [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
      name => <<"tsvm benchmark document">>,
      owner => #{age => 36, first => <<"Ada">>, last => <<"Lovelace">>, roles => [admin, user]},
      parent => null,
      tags => [<<"alpha">>, <<"beta">>, <<"gamma \"quoted\"">>, <<"delta\n">>]}.

encode(Term) -> iolist_to_binary(value(Term)).

value(true) -> <<"true">>;
value(false) -> <<"false">>;
value(null) -> <<"null">>;
value(Text) when is_binary(Text) -> string(Text);
value(Atom) when is_atom(Atom) -> string(atom_to_binary(Atom));
value(N) when is_integer(N) -> integer_to_binary(N);
value(F) when is_float(F) -> float_to_binary(F, [short]);
value([]) -> <<"[]">>;
value([First | Rest]) -> [$[, value(First) | array(Rest)];
value(Map) when is_map(Map) ->
    case maps:to_list(Map) of
        [] -> <<"{}">>;
        [First | Rest] -> [${, pair(First) | object(Rest)]
    end.

array([]) -> [$]];
array([Value | Rest]) -> [$,, value(Value) | array(Rest)].

object([]) -> [$}];
object([Pair | Rest]) -> [$,, pair(Pair) | object(Rest)].

pair({Key, Value}) -> [string(atom_to_binary(Key)), $: | value(Value)].

%% What needs no escape is taken over in one piece.
string(Text) -> [$", string(Text, Text, 0, 0) | [$"]].

string(<<C, Rest/binary>>, Text, Start, Length) when C >= 32, C =/= $", C =/= $\\ ->
    string(Rest, Text, Start, Length + 1);
string(<<C, Rest/binary>>, Text, Start, Length) ->
    [binary_part(Text, Start, Length), escape(C) | string(Rest, Text, Start + Length + 1, 0)];
string(<<>>, Text, 0, _Length) ->
    Text;
string(<<>>, Text, Start, Length) ->
    [binary_part(Text, Start, Length)].

escape($") -> <<"\\\"">>;
escape($\\) -> <<"\\\\">>;
escape($\b) -> <<"\\b">>;
escape($\t) -> <<"\\t">>;
escape($\n) -> <<"\\n">>;
escape($\f) -> <<"\\f">>;
escape($\r) -> <<"\\r">>;
escape(C) -> list_to_binary(io_lib:format("\\u~4.16.0b", [C])).
