import Glibc

/// Samples of many alike, of which one run of Tests/run tries some, as Tests/turn.bash has it for suites in Bash.
public enum Turn {
    /// Those that have their turn: one of `count`, and another one with the next seed, so that `count` runs one after
    /// another try all. Without a seed, and with --all, it is everything.
    public static func some<Cases: Sequence>(of cases: Cases, oneIn count: Int) -> [Cases.Element] {
        guard let seed = number("SLIPWAY_TESTS_SEED"), number("SLIPWAY_TESTS_ALL") != 1 else { return Array(cases) }
        return cases.enumerated().filter { ($0.offset + seed) % count == 0 }.map(\.element)
    }

    private static func number(_ variable: String) -> Int? {
        getenv(variable).flatMap { Int(String(cString: $0)) }
    }
}
