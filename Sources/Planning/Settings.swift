public import Formats
public import PathMap

/// What the operator and the user can configure. Read from /etc, the user's settings file and `SLIPWAY_*`; a later one
/// overrides an earlier one. Never read from the working directory.
public struct Settings: Equatable, Sendable {
    /// `build-cache`: whether builds import from the store and export to it.
    public enum BuildCache: ByteString, CaseIterable, Sendable {
        /// Import and export.
        case on = "on"
        /// Import what others have built, but export nothing.
        case importOnly = "import-only"
        /// Neither import nor export.
        case off = "off"
    }

    /// `package-cache.mode`: how containers see the packages that `slipway warm` has fetched.
    public enum PackageCache: ByteString, CaseIterable, Sendable {
        /// A private view for each container, on top of files that are never written again.
        case view = "view"
        /// Volumes that containers cannot write to.
        case readOnly = "read-only"
        /// Volumes that all containers can write to: for one trusted user.
        case readWrite = "read-write"
        /// Nothing.
        case off = "off"
    }

    /// `lint`: what happens to findings in a build's Dockerfile.
    public enum Lint: ByteString, CaseIterable, Sendable {
        /// They are written to the journal.
        case journal = "journal"
        /// There is no linting.
        case off = "off"
    }

    /// `modes`: what to do about tracked files whose modes differ from those that git sets.
    public enum Modes: ByteString, CaseIterable, Sendable {
        /// They are not examined.
        case off = "off"
        /// A note in the journal, for which examining them takes a few milliseconds.
        case report = "report"
        /// They get git's modes before the build, as with `slipway modes --fix`.
        case fix = "fix"
    }

    /// `export`: when builds export.
    public enum Exports: ByteString, CaseIterable, Sendable {
        /// Whenever possible, before docker ends.
        case withBuild = "with-build"
        /// Like `withBuild`, unless the last ten exports took longer than they saved.
        case auto = "auto"
        /// After docker has ended, if that is safe; otherwise like `withBuild`.
        case behind = "behind"
    }

    /// `union.scope`: whose exports one import may contain.
    public enum UnionScope: ByteString, CaseIterable, Sendable {
        /// All exports in the store.
        case store = "store"
        /// Those of the build's repository.
        case repository = "repository"
        /// Those of the same Dockerfile, context, target and platforms.
        case key = "key"
    }

    /// `docker`: the real docker's absolute path; nil for the first one on PATH.
    public var docker: ByteString?
    /// `store`: the absolute path of the store's directory; nil for the default.
    public var store: ByteString?
    /// `store.max-size`: size of one user's sub-store at which builds stop exporting to it.
    public var maximumSize: UInt64 = 20_000_000_000
    /// `store.min-free`: free space on the disk below which builds do not export; nil for max(2 GiB, min(5 %, 20 GiB)).
    public var minimumFree: UInt64?
    /// `trim.auto`: whether builds start a background trim.
    public var trimsAutomatically = true
    /// `trim.interval`: time between two automatic trims of one sub-store (in nanoseconds).
    public var trimInterval: Int64 = 86_400_000_000_000
    /// `trim.max-size`: size to which a trim reduces one sub-store, at most four fifths of store.max-size.
    public var trimmedSize: UInt64 = 16_000_000_000
    /// The size to which trimming reduces a sub-store: less than the size that stops exports, or the next build would
    /// reach that again.
    public var trimBudget: UInt64 { min(trimmedSize, maximumSize - maximumSize / 5) }
    /// `store.trusted-users`: users whose layers are imported, besides your own and root's.
    public var trustedUsers: [UInt32] = []
    /// `union.scope`.
    public var unionScope = UnionScope.store
    /// `union.other-max-age`: builds do not import exports of other repositories that are older than this (in
    /// nanoseconds).
    public var unionOthersAge: Int64 = 604_800_000_000_000
    /// `build-cache`.
    public var buildCache = BuildCache.on
    /// `package-cache.mode`.
    public var packageCache = PackageCache.view
    /// `path.map`: paths on this side, and the same paths as the engine sees them.
    public var pathMap: [PathTable.Pair] = []
    /// `path.workspace`: the path on this side of the directory that the variable WORKSPACE_DIR names on the engine's.
    public var workspace: ByteString?
    /// `path.auto`: whether Slipway in a container asks the engine for that container's mounts, unless path.map is set.
    public var findsPaths = true
    /// `profile`.
    public var profile = Profile.off
    /// `sandbox.*`.
    public var sandbox = SandboxSettings()
    /// `remote.*`.
    public var remote = RemoteSettings()
    /// `builder`, `builder.*`.
    public var builder = BuilderSettings()
    /// `modes`.
    public var modes = Modes.report
    /// `export`.
    public var exports = Exports.withBuild
    /// `export.behind.max-time`: time limit for an export after its build (in nanoseconds).
    public var exportBehindTime: Int64 = 600_000_000_000
    /// `export.behind.max-pressure`: no export after a build while processes wait for processors longer than this (in
    /// percent of ten seconds).
    public var exportBehindPressure = 60
    /// `record`: whether a background process records what a build was made from and how it ended.
    public var records = true
    /// `record.max-files`: number of files of a context that are recorded; the rest is left out.
    public var recordedFiles = 50_000
    /// `record.max-time`: time limit for recording a context; the rest is left out (in nanoseconds).
    public var recordingTime: Int64 = 10_000_000_000
    /// `flight`: whether equal builds wait for the first one and import its layers.
    public var waitsForFlights = false
    /// `flight.wait`: how long a build waits for an equal one (in nanoseconds); nil for twice the time that such builds
    /// took, at most 10 minutes, and a minute if that is unknown.
    public var flightWait: Int64?
    /// `journal`: whether decisions are recorded.
    public var journal = true
    /// `lint`: whether findings in the Dockerfiles of builds are recorded.
    public var lint = Lint.journal

    /// The defaults.
    public init() {}

    /// One setting: its key, its format, and how it is read and shown.
    public struct Definition: Sendable {
        /// Its key in a file, such as "store.max-size".
        public let key: ByteString
        /// The format of a valid value, for people.
        public let expects: ByteString
        let read: @Sendable (ByteString, inout Settings) -> Bool
        /// The value in force, for people; empty if there is none.
        public let show: @Sendable (Settings) -> ByteString

        /// The setting's environment variable: for "store.max-size", SLIPWAY_STORE_MAX_SIZE.
        public var variable: ByteString { Self.prefix + ByteString(key.bytes.map(Self.inVariable)) }

        static let prefix: ByteString = "SLIPWAY_"

        private static func inVariable(_ byte: UInt8) -> UInt8 {
            byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : byte.capitalASCII
        }

        /// Whether a name is `variable`, which is not made for it.
        fileprivate func isNamed(byVariable name: ByteString) -> Bool {
            let rest = name.bytes.dropFirst(Self.prefix.count)
            return rest.count == key.count && zip(rest, key.bytes).allSatisfy { $0 == Self.inVariable($1) }
        }

        static func flag(
            _ key: ByteString, _ set: @escaping @Sendable (inout Settings, Bool) -> Void,
            _ show: @escaping @Sendable (Settings) -> Bool
        ) -> Definition {
            Definition(key: key, expects: "on or off") { value, settings in
                guard value == "on" || value == "off" else { return false }
                set(&settings, value == "on")
                return true
            } show: {
                show($0) ? "on" : "off"
            }
        }

        static func size(
            _ key: ByteString, expects: ByteString, _ set: @escaping @Sendable (inout Settings, UInt64) -> Void,
            _ show: @escaping @Sendable (Settings) -> UInt64?
        ) -> Definition {
            Definition(key: key, expects: expects) { value, settings in
                guard let bytes = ByteSize.parse(value) else { return false }
                set(&settings, bytes)
                return true
            } show: {
                show($0).map(ByteSize.text) ?? ""
            }
        }

        static func choice<Choice: RawRepresentable<ByteString> & Sendable>(
            _ key: ByteString, expects: ByteString, _ set: @escaping @Sendable (inout Settings, Choice) -> Void,
            _ show: @escaping @Sendable (Settings) -> Choice
        ) -> Definition {
            Definition(key: key, expects: expects) { value, settings in
                guard let choice = Choice(rawValue: value) else { return false }
                set(&settings, choice)
                return true
            } show: {
                show($0).rawValue
            }
        }
    }

    /// Every setting.
    public static let rows: [Definition] = generalRows + sandboxRows + remoteRows + builderRows

    /// A dictionary, so that a file with nothing but unknown settings is read as quickly as any other.
    private static let rowsByKey = Dictionary(rows.map { ($0.key, $0) }) { first, _ in first }
    /// Further problems are only counted.
    private static let mostProblems = 16

    private static let generalRows: [Definition] = [
        Definition(key: "docker", expects: "an absolute path") { value, settings in
            guard value.hasPrefix("/") else { return false }
            settings.docker = value
            return true
        } show: {
            $0.docker ?? ""
        },
        Definition(key: "store", expects: "an absolute path") { value, settings in
            guard value.hasPrefix("/") else { return false }
            settings.store = value
            return true
        } show: {
            $0.store ?? ""
        },
        .size(
            "store.max-size", expects: "a size with a unit, such as 20GB", { $0.maximumSize = $1 }, { $0.maximumSize }),
        .size(
            "store.min-free", expects: "a size with a unit, such as 5GB", { $0.minimumFree = $1 }, { $0.minimumFree }),
        Definition(key: "store.trusted-users", expects: "user IDs separated by commas") { value, settings in
            var users: [UInt32] = []
            for field in value.split(",") where !field.trimmed.isEmpty {
                guard let number = field.trimmed.decimal, let user = UInt32(exactly: number) else { return false }
                users.append(user)
            }
            settings.trustedUsers = users
            return true
        } show: {
            $0.trustedUsers.map { ByteString(decimal: $0) }.joined(separator: ",")
        },
        .flag("trim.auto", { $0.trimsAutomatically = $1 }, { $0.trimsAutomatically }),
        Definition(key: "trim.interval", expects: "a time with a unit, such as 24h") { value, settings in
            guard let interval = TimeSpan.parse(value), interval > 0 else { return false }
            settings.trimInterval = interval
            return true
        } show: {
            TimeSpan.text($0.trimInterval)
        },
        .size(
            "trim.max-size", expects: "a size with a unit, such as 20GB", { $0.trimmedSize = $1 }, { $0.trimmedSize }),
        .choice("build-cache", expects: "on, import-only or off", { $0.buildCache = $1 }, { $0.buildCache }),
        .choice("union.scope", expects: "store, repository or key", { $0.unionScope = $1 }, { $0.unionScope }),
        Definition(key: "union.other-max-age", expects: "a time with a unit, such as 7d") { value, settings in
            guard let age = TimeSpan.parse(value), age > 0 else { return false }
            settings.unionOthersAge = age
            return true
        } show: {
            TimeSpan.text($0.unionOthersAge)
        },
        .choice(
            "package-cache.mode", expects: "view, read-only, read-write or off", { $0.packageCache = $1 },
            { $0.packageCache }),
        Definition(key: "path.map", expects: "/here=/there pairs separated by commas, quoted as CSV") {
            value, settings in
            guard let pairs = PathTable.parse(value) else { return false }
            settings.pathMap = pairs
            return true
        } show: {
            CSV.record(of: $0.pathMap.map(\.text))
        },
        Definition(key: "path.workspace", expects: "an absolute path") { value, settings in
            guard value.hasPrefix("/") else { return false }
            settings.workspace = value
            return true
        } show: {
            $0.workspace ?? ""
        },
        .flag("path.auto", { $0.findsPaths = $1 }, { $0.findsPaths }),
        .choice("modes", expects: "off, report or fix", { $0.modes = $1 }, { $0.modes }),
        .choice("export", expects: "with-build, auto or behind", { $0.exports = $1 }, { $0.exports }),
        Definition(key: "export.behind.max-time", expects: "a time with a unit, such as 10m") { value, settings in
            guard let time = TimeSpan.parse(value), time > 0 else { return false }
            settings.exportBehindTime = time
            return true
        } show: {
            TimeSpan.text($0.exportBehindTime)
        },
        Definition(key: "export.behind.max-pressure", expects: "a percentage from 1 to 100, such as 60") {
            value, settings in
            guard let share = value.decimal, (1...100).contains(share) else { return false }
            settings.exportBehindPressure = share
            return true
        } show: {
            ByteString(decimal: $0.exportBehindPressure)
        },
        .flag("record", { $0.records = $1 }, { $0.records }),
        Definition(key: "record.max-files", expects: "a number above 0") { value, settings in
            guard let number = value.decimal, number > 0 else { return false }
            settings.recordedFiles = number
            return true
        } show: {
            ByteString(decimal: $0.recordedFiles)
        },
        Definition(key: "record.max-time", expects: "a time with a unit, such as 10s") { value, settings in
            guard let time = TimeSpan.parse(value), time > 0 else { return false }
            settings.recordingTime = time
            return true
        } show: {
            TimeSpan.text($0.recordingTime)
        },
        .flag("flight", { $0.waitsForFlights = $1 }, { $0.waitsForFlights }),
        Definition(key: "flight.wait", expects: "a time with a unit, such as 5m") { value, settings in
            guard let time = TimeSpan.parse(value), time > 0 else { return false }
            settings.flightWait = time
            return true
        } show: {
            $0.flightWait.map(TimeSpan.text) ?? ""
        },
        .flag("journal", { $0.journal = $1 }, { $0.journal }),
        .choice("lint", expects: "journal or off", { $0.lint = $1 }, { $0.lint }),
    ]

    /// Environment variables with our prefix that are not settings.
    static let otherVariables: [ByteString] = ["SLIPWAY_TRACE", "SLIPWAY_PASSED", "SLIPWAY_REQUIRE", "SLIPWAY_CHECK"]

    /// A line or variable that was ignored.
    public struct Problem: Equatable, Sendable {
        /// The file, or "environment".
        public let source: ByteString
        /// Counted from 1; nil for a variable.
        public let line: Int?
        /// The setting that it names, known or not; nil if it names none.
        public var key: ByteString?
        /// What is wrong, and what would be valid.
        public let message: ByteString

        /// "FILE:LINE: MESSAGE".
        public var text: ByteString {
            let place = line.map { source + ":" + ByteString(decimal: $0) } ?? source
            return place + ": " + message
        }
    }

    /// Reads `key = value` lines; "#" at the beginning of a line starts a comment. Invalid lines are reported and
    /// ignored.
    public mutating func apply(lines text: ByteString, from source: ByteString) -> [Problem] {
        var problems: [Problem] = []
        var more = 0
        for (index, line) in text.split("\n").enumerated() {
            let line = line.trimmed
            if line.isEmpty || line.hasPrefix("#") { continue }
            let message: ByteString?
            if let (key, value) = line.cut(at: "=") {
                message = apply(key.trimmed, value.trimmed)
            } else {
                message = "expected `key = value`"
            }
            guard let message else { continue }
            if problems.count < Self.mostProblems {
                let key = line.cut(at: "=")?.before.trimmed
                problems.append(Problem(source: source, line: index + 1, key: key, message: message))
            } else {
                more += 1
            }
        }
        if more > 0 {
            let message = ByteString(decimal: more) + " more invalid lines"
            problems.append(Problem(source: source, line: nil, key: nil, message: message))
        }
        return problems
    }

    /// Reads the `SLIPWAY_*` variables of an environment. An empty value is the same as no variable.
    public mutating func apply(environment: [ByteString]) -> [Problem] {
        var problems: [Problem] = []
        for entry in environment where entry.hasPrefix("SLIPWAY_") {
            guard let (name, value) = entry.cut(at: "="), !value.isEmpty, !Self.otherVariables.contains(name) else {
                continue
            }
            let message: ByteString?
            // Few variables are set: a dictionary would cost more than it saves.
            let row = Self.rows.first { $0.isNamed(byVariable: name) }
            if let row {
                message = row.read(value, &self) ? nil : "bad value for " + name + ": expected " + row.expects
            } else {
                message = "no setting is called " + name
            }
            if let message {
                problems.append(Problem(source: "environment", line: nil, key: row?.key, message: message))
            }
        }
        return problems
    }

    private mutating func apply(_ key: ByteString, _ value: ByteString) -> ByteString? {
        guard let row = Self.rowsByKey[key] else { return "no setting is called " + key }
        return row.read(value, &self) ? nil : "bad value for " + key + ": expected " + row.expects
    }
}
