public import Engine
public import Formats
public import Planning

/// `slipway trim --packages` and `slipway purge --packages`.
public struct Sweep {
    /// Something to remove, and why.
    public struct Item: Equatable, Sendable {
        /// A volume, or a container of a killed run.
        public let name: ByteString
        /// Its kind.
        public let kind: VolumeKind
        /// The reason, for people.
        public let cause: ByteString
    }

    /// The result.
    public struct Report: Equatable, Sendable {
        /// Removed, or what would be removed.
        public var removed: [Item] = []
        /// In use, with docker's own message or the view that uses it.
        public var kept: [Item] = []
        /// Not removed for another reason.
        public var failed: [Item] = []

        /// Empty.
        public init() {}

        /// Stable for programs.
        public func json(dryRun: Bool) -> JSON {
            .object([
                "dryRun": .bool(dryRun), "removed": .array(removed.map(\.json)), "kept": .array(kept.map(\.json)),
                "failed": .array(failed.map(\.json)),
            ])
        }
    }

    /// A builder that has run for a day hangs, and its `slipway warm` is gone or hangs, too: in milliseconds.
    private static let longestRun = 86_400_000

    /// The default time that a generation stays after the next one was made: 30 days in milliseconds.
    public static let usualGrace = 30 * 86_400_000

    let docker: any EngineClient
    /// Milliseconds since 1970.
    let now: Int
    let dryRun: Bool

    /// For an engine, at a time in milliseconds since 1970.
    public init(_ docker: any EngineClient, now: Int, dryRun: Bool) {
        self.docker = docker
        self.now = now
        self.dryRun = dryRun
    }

    /// Removes what nobody needs; `grace` in milliseconds is how long a generation stays after the next one was made. A
    /// layer that a running `slipway warm` may be about to name stays as long, but at most a day.
    public func trim(grace: Int) throws(DockerClientError) -> Report {
        var report = Report()
        try removeBuilders(olderThan: min(grace, Self.longestRun), &report)
        let inventory = try PackageInventory(docker)
        remove(Self.plan(inventory, now: now, grace: grace), of: inventory, &report)
        return report
    }

    /// Removes everything of Slipway's that no container has.
    public func purge() throws(DockerClientError) -> Report {
        var report = Report()
        try removeBuilders(olderThan: 0, &report)
        let inventory = try PackageInventory(docker)
        var items: [Item] = []
        // First the generations, so that no new views are made; then the existing views, and then what they used.
        for kind in [VolumeKind.generation, .view, .layer, .shared] {
            items += inventory.volumes(kind).map { Item(name: $0.name, kind: kind, cause: "purge") }
        }
        remove(items, of: inventory, &report)
        return report
    }

    /// What to remove, in order.
    static func plan(_ inventory: PackageInventory, now: Int, grace: Int) -> [Item] {
        var items = inventory.volumes(.view).filter { inventory.dangling.contains($0.name) }.map {
            Item(name: $0.name, kind: .view, cause: "no container has it")
        }
        let held = inventory.held()
        let generations = inventory.generations
        var named: Set<ByteString> = []
        for generation in generations {
            let next = generations.last { $0.volume.created > generation.volume.created }
            let since = next?.volume.created ?? generation.volume.created
            let isHeld = generation.layers.allSatisfy { held[$0] != nil }
            // Containers get the newest one, possibly after a damaged one is gone.
            if generation == generations.first || isHeld || now - since < grace {
                named.formUnion(generation.layers)
            } else {
                items.append(Item(name: generation.name, kind: .generation, cause: "a newer one is published"))
            }
        }
        // Generations with incomplete labels, and those that nobody can use.
        for volume in inventory.volumes(.generation)
        where PackageGeneration(volume) == nil && now - volume.created >= grace {
            items.append(Item(name: volume.name, kind: .generation, cause: "its labels are not understood"))
        }
        for layer in inventory.volumes(.layer)
        where !named.contains(layer.name) && held[layer.name] == nil
            && now - layer.created >= min(grace, longestRun)
        {
            items.append(Item(name: layer.name, kind: .layer, cause: "no generation and no view names it"))
        }
        return items
    }

    /// Docker refuses to remove what a container has, but does not know which volumes views use.
    private func remove(_ items: [Item], of inventory: PackageInventory, _ report: inout Report) {
        if dryRun {
            let held = inventory.held()
            report.removed += items.filter { $0.kind != .layer || held[$0.name] == nil }
            return
        }
        // A container may have ended since: whether a view can be removed shows whether a container still has it.
        var held = inventory.held(except: Set(items.map(\.name)))
        var namedStill: [ByteString: ByteString] = [:]
        for item in items {
            if item.kind == .layer, let holder = held[item.name] ?? namedStill[item.name] {
                report.kept.append(Item(name: item.name, kind: item.kind, cause: "in use by " + holder))
                continue
            }
            guard !take(["volume", "rm", item.name], item, &report),
                let volume = inventory.volumes.first(where: { $0.name == item.name })
            else { continue }
            // A volume that stays keeps the volumes that it uses.
            for name in volume.mounted { held[name] = volume.name }
            for name in PackageGeneration(volume)?.layers ?? [] { namedStill[name] = volume.name }
        }
    }

    private func removeBuilders(olderThan grace: Int, _ report: inout Report) throws(DockerClientError) {
        let list = try docker.call(
            DockerCall(
                [
                    "ps", "--all", "--filter", "label=" + PackageLabels.mark, "--filter",
                    "label=" + VolumeKind.builder.label, "--format",
                    "{{.Names}}\t{{.Status}}\t{{.Label \"" + PackageLabels.created + "\"}}",
                ], .question))
        guard list.isGood else {
            throw DockerClientError(
                .engineSilent, "no engine answers: see whether `docker version` does", words: list.words)
        }
        for line in list.output.split("\n") {
            let words = line.split("\t")
            guard let name = words.first?.trimmed, !name.isEmpty, words.count == 3 else { continue }
            let isAtWork = words[1].hasPrefix("Up")
            let least = isAtWork ? max(grace, Self.longestRun) : grace
            guard now - (words[2].trimmed.decimal ?? 0) >= least else { continue }
            let item = Item(name: name, kind: .builder, cause: "left by a run that was killed")
            if dryRun {
                report.removed.append(item)
            } else {
                _ = take(["rm", "--force", "--volumes", name], item, &report)
            }
        }
    }

    private func take(_ words: [ByteString], _ item: Item, _ report: inout Report) -> Bool {
        do throws(DockerClientError) {
            let answer = try docker.remove(words, .deed)
            let said = answer.error.lowercasedASCII
            if answer.isGood || said.range(of: "no such") != nil {
                report.removed.append(item)
                return true
            }
            let refused = Item(name: item.name, kind: item.kind, cause: answer.words)
            if said.range(of: "in use") != nil { report.kept.append(refused) } else { report.failed.append(refused) }
        } catch {
            report.failed.append(Item(name: item.name, kind: item.kind, cause: error.line))
        }
        return false
    }
}

extension Sweep.Item {
    var json: JSON {
        .object([
            "name": .string(name), "kind": .string(kind.rawValue),
            "cause": .string(cause),
        ])
    }
}
