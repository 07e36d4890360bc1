public import Formats

/// The outcome of a build, according to BuildKit's own history.
public struct BuildOutcome: Equatable, Sendable {
    /// An instruction that BuildKit executed or found in its cache.
    public struct Step: Equatable, Sendable {
        /// The stage's name; empty if there is only one stage.
        public var stage: ByteString
        /// Its number among the stage's steps; FROM is 1.
        public var number: Int
        /// The instruction as executed, with arguments filled in; never store it. When read back, only its first
        /// word.
        public var instruction: ByteString
        /// Three digits of the instruction's digest: enough to recognize it in its place, and no help in guessing what
        /// was filled in. BuildKit's own digest cannot be used, because it differs on each machine (local.unique).
        public var digest: ByteString
        /// Whether it came from the cache.
        public var isCached: Bool
        /// When it started, as text that sorts by time.
        public var started: ByteString
        /// The duration in nanoseconds.
        public var duration: Int64

        /// From named values.
        public init(
            stage: ByteString, number: Int, instruction: ByteString, digest: ByteString, isCached: Bool,
            started: ByteString = "", duration: Int64 = 0
        ) {
            self.stage = stage
            self.number = number
            self.instruction = instruction
            self.digest = digest
            self.isCached = isCached
            self.started = started
            self.duration = duration
        }

        /// Identifies the step in its place, the same for each build of one Dockerfile.
        public var identity: ByteString { stage + "/" + ByteString(decimal: number) + "/" + digest }

        /// "RUN", "COPY".
        public var keyword: ByteString { instruction.cut(at: " ")?.before ?? instruction }
    }

    /// A base image of a stage.
    public struct Base: Equatable, Sendable {
        /// The stage that starts from it.
        public var stage: ByteString
        /// Its name, without the digest.
        public var name: ByteString
        /// "sha256:..."
        public var digest: ByteString

        /// From named values.
        public init(stage: ByteString, name: ByteString, digest: ByteString) {
            self.stage = stage
            self.name = name
            self.digest = digest
        }
    }

    /// RUN, COPY, ADD and WORKDIR, in the order in which they started.
    public var steps: [Step]
    /// The base images.
    public var bases: [Base]
    /// How long the cache export took in nanoseconds; nil if there was none.
    public var export: Int64?
    /// Whether the build is known to have succeeded. Not stored.
    public var isFinished = false

    /// From named values.
    public init(steps: [Step], bases: [Base] = [], export: Int64? = nil, isFinished: Bool = false) {
        self.steps = steps
        self.bases = bases
        self.export = export
        self.isFinished = isFinished
    }

    /// The first step, by time, that was not cached.
    public var firstMiss: Step? { steps.first { !$0.isCached } }
}

extension BuildOutcome {
    /// Reads the lines of `docker buildx history logs --progress rawjson`; nil if they contain no step, unless the
    /// build finished without any. Lines that are not JSON are warnings of some program.
    ///
    /// Source: moby/buildkit client/graph.go, SolveStatus and Vertex.
    public init?(log: ByteString) {
        var order: [ByteString] = []
        var vertices: [ByteString: Vertex] = [:]
        for line in log.split("\n") where line.hasPrefix("{") {
            for json in JSON(line)?[key: "vertexes"]?.array ?? [] {
                guard let digest = json[key: "digest"]?.string, let name = json[key: "name"]?.string else { continue }
                if vertices[digest] == nil {
                    order.append(digest)
                    vertices[digest] = Vertex(name: name)
                }
                vertices[digest]?.add(json)
            }
        }
        var (steps, bases, export) = ([Step](), [Base](), Int64?.none)
        // Signs of a Dockerfile build that finished: other frontends name their steps differently.
        var (hasBase, hasResult, hasFailed) = (false, false, false)
        var isWhole = false
        for digest in order {
            guard let vertex = vertices[digest] else { continue }
            hasFailed = hasFailed || vertex.hasFailed
            if vertex.name.hasPrefix("exporting to ") {
                hasResult = true
                isWhole = isWhole || vertex.isComplete
            }
            if vertex.name.hasPrefix("exporting cache to client directory") {
                export = (export ?? 0) &+ vertex.duration
            }
            guard var step = Step(vertex.name) else { continue }
            if step.keyword == "FROM" {
                hasBase = true
                Base(step).map { bases.append($0) }
                continue
            }
            // A step that never started was not needed, or an earlier step failed.
            guard vertex.isCached || !vertex.started.isEmpty else { continue }
            step.isCached = vertex.isCached
            step.started = vertex.started
            step.duration = vertex.duration
            steps.append(step)
        }
        guard !steps.isEmpty || (hasBase && hasResult) else { return nil }
        steps.sort { ($0.started, $0.number) < ($1.started, $1.number) }
        self.init(steps: steps, bases: bases, export: export, isFinished: isWhole && !hasFailed)
    }

    private struct Vertex {
        let name: ByteString
        var isCached = false
        var isComplete = false
        var hasFailed = false
        var started: ByteString = ""
        var duration: Int64 = 0

        init(name: ByteString) { self.name = name }

        mutating func add(_ json: JSON) {
            if json[key: "cached"]?.bool == true { isCached = true }
            if json[key: "completed"]?.string != nil { isComplete = true }
            if let error = json[key: "error"]?.string, !error.isEmpty { hasFailed = true }
            guard let begun = json[key: "started"]?.string else { return }
            if started.isEmpty { started = begun }
            guard let ended = json[key: "completed"]?.string, let from = BuildTime.nanoseconds(begun),
                let until = BuildTime.nanoseconds(ended)
            else { return }
            // A step is reported more than once: when its cache is queried, and when it is executed.
            duration = duration &+ max(0, until &- from)
        }
    }
}

extension BuildOutcome.Step {
    /// "[stage 2/4] COPY src /src"; nil for anything else, such as "[internal] load build context".
    init?(_ name: ByteString) {
        guard name.hasPrefix("["), let (head, instruction) = name.dropFirst(1).cut(at: "]") else { return nil }
        let (stage, place) = head.cutLast(at: " ").map { ($0.before, $0.after) } ?? ("", head)
        guard let number = place.cut(at: "/")?.before.decimal else { return nil }
        self.init(
            stage: stage, number: number, instruction: instruction.trimmed,
            digest: SHA256.hexDigest(of: instruction.trimmed).prefix(3), isCached: false)
    }
}

extension BuildOutcome.Base {
    /// "FROM docker.io/library/debian:12@sha256:..."; nil without a digest.
    init?(_ step: BuildOutcome.Step) {
        let words = step.instruction.split(" ").filter { !$0.isEmpty }
        guard words.count >= 2, let (name, digest) = words[1].cut(at: "@") else { return nil }
        self.init(stage: step.stage, name: name, digest: digest)
    }
}

extension BuildOutcome {
    /// The stored form: without the text of instructions, which may contain the values of build arguments.
    public var json: JSON {
        .object([
            "format": .integer(1),
            "steps": .array(
                steps.map { step in
                    .object([
                        "stage": .string(step.stage), "number": .integer(step.number), "word": .string(step.keyword),
                        "digest": .string(step.digest), "cached": .bool(step.isCached),
                        "milliseconds": .integer(step.duration / 1_000_000),
                    ])
                }),
            "bases": .array(
                bases.map { base in
                    .object([
                        "stage": .string(base.stage), "name": .string(base.name), "digest": .string(base.digest),
                    ])
                }),
            "export": export.map { .integer($0 / 1_000_000) } ?? .null,
        ])
    }

    /// nil for a foreign value.
    public init?(_ json: JSON) {
        guard json[key: "format"]?.integer == 1, let steps = json[key: "steps"]?.array else { return nil }
        self.init(
            steps: steps.compactMap { step in
                guard let stage = step[key: "stage"]?.string, let number = step[key: "number"]?.integer,
                    let word = step[key: "word"]?.string, let digest = step[key: "digest"]?.string,
                    let isCached = step[key: "cached"]?.bool
                else { return nil }
                return Step(
                    stage: stage, number: number, instruction: word, digest: digest, isCached: isCached,
                    duration: Int64(clamping: step[key: "milliseconds"]?.integer ?? 0).multiplied(1_000_000))
            },
            bases: (json[key: "bases"]?.array ?? []).compactMap { base in
                guard let stage = base[key: "stage"]?.string, let name = base[key: "name"]?.string,
                    let digest = base[key: "digest"]?.string
                else { return nil }
                return Base(stage: stage, name: name, digest: digest)
            },
            export: json[key: "export"]?.integer.map { Int64(clamping: $0).multiplied(1_000_000) })
    }
}

extension Int64 {
    fileprivate func multiplied(_ factor: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}

/// BuildKit's time format, "2026-01-02T03:04:05.678901234Z".
enum BuildTime {
    /// Nanoseconds since 1970; nil for anything else.
    static func nanoseconds(_ text: ByteString) -> Int64? {
        guard text.hasSuffix("Z"), text.count >= 20, text.bytes[10] == UInt8(ascii: "T") else { return nil }
        func number(_ range: Range<Int>) -> Int? { ByteString(text.bytes[range]).decimal }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month)
        else { return nil }
        var fraction = text.count > 20 ? ByteString(text.bytes[20..<(text.count - 1)]).prefix(9) : ""
        while fraction.count < 9 { fraction += "0" }
        guard let nanoseconds = fraction.decimal else { return nil }
        let seconds = ((Timestamp.days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
        return Int64(seconds) &* 1_000_000_000 &+ Int64(nanoseconds)
    }
}
