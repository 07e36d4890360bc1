import Engine
import Formats
import Host
import Planning
import Warm

/// The package caches on the engine that docker uses, for `slipway status`.
struct PackageSummary {
    /// The total size from which status mentions it.
    static let threshold: UInt64 = 5_000_000_000

    let inventory: PackageInventory

    /// Nil if no engine answers within two seconds.
    static func gather() -> PackageSummary? {
        guard var docker = try? EngineCommands.client() else { return nil }
        docker.deadline = Clock.monotonic + 2_000_000_000
        guard var inventory = try? PackageInventory(docker) else { return nil }
        inventory.addDetails(docker)
        return PackageSummary(inventory: inventory)
    }

    var isEmpty: Bool { inventory.volumes.isEmpty }

    /// The size of all volumes for which docker reports one; nil if it reports none.
    var bytes: UInt64? {
        let sizes = inventory.volumes.compactMap { inventory.sizes[$0.name] }
        return sizes.isEmpty ? nil : sizes.reduce(0, +)
    }

    private func bytes(of generation: PackageGeneration) -> UInt64? {
        let sizes = generation.layers.compactMap { inventory.sizes[$0] }
        return sizes.count == generation.layers.count ? sizes.reduce(0, +) : nil
    }

    /// Stable for programs.
    var json: JSON {
        func size(_ bytes: UInt64?) -> JSON { .integer(orNull: bytes) }
        return .object([
            "generations": .array(
                inventory.generations.map {
                    .object([
                        "name": .string($0.name), "current": .bool(.whole($0) == inventory.current),
                        "created": .integer($0.volume.created / 1000), "digest": .string($0.digest),
                        "view": .string($0.view.rawValue), "tools": .array($0.tools.map { .string($0.rawValue) }),
                        "layers": .array($0.layers.map(JSON.string)), "bytes": size(bytes(of: $0)),
                    ])
                }),
            "views": .array(
                inventory.volumes(.view).map {
                    .object([
                        "name": .string($0.name), "inUse": .bool(!inventory.dangling.contains($0.name)),
                    ])
                }),
            "shared": .array(
                inventory.volumes(.shared).map {
                    .object(["name": .string($0.name), "bytes": size(inventory.sizes[$0.name])])
                }),
            "containers": .array(inventory.containers.map(JSON.string)), "bytes": size(bytes),
        ])
    }

    /// For people.
    var text: ByteString {
        var lines: [ByteString] = [
            "", "package caches of this engine" + (bytes.map { ", " + ByteSize.text($0) } ?? ""),
        ]
        for generation in inventory.generations {
            let tools = generation.tools.map(\.rawValue).joined(separator: " ")
            let size = bytes(of: generation).map { ", " + ByteSize.text($0) } ?? ""
            lines.append(
                "  " + generation.name + (.whole(generation) == inventory.current ? " (current): " : ": ") + tools
                    + ", "
                    + Self.count(generation.layers.count, "layer") + size + Self.view(generation.view))
        }
        if case .damaged(let name) = inventory.current {
            lines.append(
                "  " + name + ", the newest, is incomplete, so containers get nothing: run slipway warm without --add")
        }
        for volume in inventory.volumes(.shared) {
            lines.append("  " + volume.name + (inventory.sizes[volume.name].map { ": " + ByteSize.text($0) } ?? ""))
        }
        let views = inventory.volumes(.view)
        let idle = views.filter { inventory.dangling.contains($0.name) }.count
        if !views.isEmpty {
            // A view consists of two volumes.
            lines.append(
                "  " + Self.count((views.count - idle + 1) / 2, "view") + " in use, "
                    + ByteString(decimal: (idle + 1) / 2) + " left over")
        }
        if !inventory.containers.isEmpty {
            lines.append("  used by " + inventory.containers.joined(separator: " "))
        }
        if let bytes, bytes > Self.threshold {
            lines.append(
                "  more than " + ByteSize.text(Self.threshold)
                    + ": `slipway trim --packages`, or `slipway warm` without --add")
        }
        return Output.lines(lines)
    }

    private static func count(_ number: Int, _ noun: ByteString) -> ByteString {
        ByteString(decimal: number) + " " + noun + (number == 1 ? "" : "s")
    }

    private static func view(_ support: ViewSupport) -> ByteString {
        switch support {
        case .plain: ""
        case .userAttributes: ", views with userxattr"
        case .none: ", views cannot be mounted here"
        }
    }
}
