internal import DockerCommandLine
internal import Formats
internal import Host
internal import Notes
public import Planning

/// What is to be done with a command line: `slipway explain` prints it, and the shim carries out the same one.
public struct Decision {
    /// What docker is given, and why.
    public let plan: Plan
    /// The kind of command, for the journal: nil for one that is not worth a line.
    let command: ByteString?
    /// What was decided about builds; nil where nothing was reserved or looked up for any.
    let builds: BuildDecision?
    /// What is cleaned up behind a container.
    let views: PackageViews?

    /// The journal and a definition from standard input stay below this; what a build exports may not.
    private static let largestOwnFile: UInt64 = 32 << 20

    /// Whether a decision is carried out or only shown.
    public enum Purpose: Sendable {
        /// Leases are taken, and what is learned is remembered.
        case acting
        /// Nothing is locked, made or written.
        case showing
    }

    /// Decides about a command. Nothing is made yet: what the plan needs, `reserved` makes.
    public init(_ request: CommandRequest) {
        let words = request.words
        guard Kernel.largestFile >= Self.largestOwnFile else {
            let plan = Plan.unchanged(words, [Note(.filesLimited)])
            // Nothing else is worth one of the few bytes that files may have.
            let command: ByteString? = request.sandboxLack(plan.notes) == nil ? nil : "unknown"
            self.init(plan, command, isSaidAlone: true, for: request)
            return
        }
        switch request.invocation {
        case .other: self.init(.unchanged(words, [Note(.notEdited)]), nil, for: request)
        case .notUnderstood(let error):
            self.init(.unchanged(words, [Note(.commandNotUnderstood, error.message)]), "unknown", for: request)
        case .build(let build):
            self.init(request) { caches throws(Refusal) in
                try caches.resolve(SingleBuild(build, request, isOurs: caches.owns))
            }
        case .bake(let bake): self.init(bake, request)
        case .compose(let compose):
            switch ComposeDecision(compose, request) {
            case .plan(let plan):
                // What the plugin will decide about is written down there.
                let plan = plan.limitedToArgMax()
                self.init(plan, plan.isNoteworthy ? "compose" : nil, for: request)
            case .builds:
                self.init(request) { caches throws(Refusal) in
                    try caches.resolve(ComposeBuild(compose, request))
                }
            }
        case .container(let container):
            let decided = ContainerDecision(container, request)
            let plan = decided.plan.limitedToArgMax()
            // Where there are no packages a run is no news.
            let isLacking = request.sandboxLack(plan.notes) != nil
            let command = plan.isNoteworthy || isLacking ? container.word : nil
            self.init(plan, command, views: decided.views, for: request)
        case .volume(let volume):
            let plan = ContainerDecision.plan(volume, request).limitedToArgMax()
            self.init(plan, plan.isNoteworthy ? "volume" : nil, for: request)
        }
    }

    /// Of a bake. `definition` is what stands on standard input, if that has been read.
    init(_ bake: BakeInvocation, _ request: CommandRequest, of definition: BakeDefinition? = nil) {
        self.init(request) { caches throws(Refusal) in
            try caches.resolve(BakeCommand(bake, request, of: definition, isOurs: caches.owns))
        }
    }

    /// Of builds: what the back ends offer, put into the user's words.
    private init(_ request: CommandRequest, _ resolve: (Caches) throws(Refusal) -> BuildDecision) {
        do throws(Refusal) {
            let builds = try resolve(Caches(request))
            self.init(builds, for: request)
        } catch {
            self.init(refusing: error, request)
        }
    }

    private init(_ builds: BuildDecision, for request: CommandRequest) {
        self.init(builds.plan, Self.word(for: builds.plan, request), builds, for: request)
    }

    private init(refusing refusal: Refusal, _ request: CommandRequest) {
        let plan = Plan.unchanged(request.words, refusal.notes)
        self.init(plan, Self.word(for: plan, request), for: request)
    }

    /// What the journal calls a command that builds.
    private static func word(for plan: Plan, _ request: CommandRequest) -> ByteString? {
        // The shim before docker has written it down.
        let isTold = request.role != .docker && plan.notes.map(\.reason) == [.alreadyApplied]
        switch request.invocation {
        case .build: return isTold ? nil : "build"
        case .bake: return isTold ? nil : "bake"
        default: return plan.isNoteworthy ? "compose" : nil
        }
    }

    private init(
        _ plan: Plan, _ command: ByteString?, _ builds: BuildDecision? = nil, views: PackageViews? = nil,
        isSaidAlone: Bool = false, for request: CommandRequest
    ) {
        var plan = plan
        if !isSaidAlone { plan.notes = request.notes + plan.notes }
        plan.notes += request.sandboxLack(plan.notes).map { [$0] } ?? []
        self.plan = plan
        self.command = command
        self.builds = builds
        self.views = views
    }

    /// Makes what the plan needs: leases that outlive exec, directories, a file for compose. What cannot be made is taken from the
    /// plan, once; a command that docker would find too long needs nothing.
    func reserved(for request: CommandRequest) -> Decision {
        guard let builds else { return self }
        guard !builds.plan.has(.commandTooLong) else { return Decision(builds.plan, command, for: request) }
        do throws(Refusal) {
            return Decision(try builds.reserved(), for: request)
        } catch {
            return Decision(refusing: error, request)
        }
    }
}

extension Plan {
    /// Whether the journal is to tell of it, where most commands of the kind are not touched.
    fileprivate var isNoteworthy: Bool {
        let usual: [Reason] = [
            .helpOrCheck, .notEdited, .packageCacheOff, .noPackages, .engineElsewhere, .pluginMissing,
        ]
        return isChanged || notes.contains { !usual.contains($0.reason) }
    }
}
