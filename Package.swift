// swift-tools-version: 6.1
import PackageDescription

// Rooms, bottom first; an arrow points downwards only (ARCHITECTURE.md). The shim's import tree holds no Foundation and no
// dependency: a `docker ps` costs what a C program that only execs costs, nearly (Benchmarks/README.md).
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A release binary runs where nothing else is installed: Alpine, distroless, an empty root. Debug builds stay dynamic,
/// so that `swift build` and `swift test` work as everywhere. Without symbols a package is half the size.
let fullyStatic: [LinkerSetting] = [
    .unsafeFlags(["-static-executable", "-Xlinker", "-s"], .when(configuration: .release))
]

func room(_ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(of name: String, uses dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.init(stringLiteral: name)] + dependencies,
        resources: resources,
        swiftSettings: strict
    )
}

let package = Package(
    name: "slipway",
    products: [
        .executable(name: "docker", targets: ["docker"]),
        .executable(name: "slipway", targets: ["slipway"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
    ],
    targets: [
        .target(name: "CHash"),
        room("Formats", uses: ["CHash"]),
        room("Notes", uses: ["Formats"]),
        .systemLibrary(name: "CLinux"),
        room("Host", uses: ["CLinux", "Formats"]),
        room("DockerCommandLine", uses: ["Formats"]),
        room("DockerfileLint", uses: ["Formats"]),
        room("PathMap", uses: ["Formats"]),
        room("Engine", uses: ["Formats", "Notes", "Host", "PathMap"]),
        room("CacheUnion", uses: ["Formats"]),
        room("BuildCache", uses: ["Formats", "Notes", "Host", "CacheUnion"]),
        room("PackageCache", uses: ["Formats"]),
        room("GitIndex", uses: ["Formats"]),
        room("BuildHistory", uses: ["Formats", "Host"]),
        room("Why", uses: ["Formats", "Notes", "BuildHistory", "WorkingTree"]),
        room("WorkingTree", uses: ["Formats", "Host", "GitIndex", "BuildCache"]),
        room("Planning", uses: ["Formats", "Notes", "DockerCommandLine", "PackageCache", "PathMap"]),
        room(
            "Shim",
            uses: [
                "Formats", "Notes", "Host", "DockerCommandLine", "DockerfileLint", "Engine", "BuildCache",
                "PackageCache", "PathMap", "Planning", "WorkingTree", "BuildHistory", "Why",
            ]),
        room("DockerClient", uses: ["Formats", "Host"]),
        .target(
            name: "Warm", dependencies: ["DockerClient", "Formats", "Host", "PackageCache", "Planning"],
            resources: [.embedInCode("Scripts")], swiftSettings: strict),
        room("Sandbox", uses: ["DockerClient", "Formats", "Host", "Planning"]),
        room("Remote", uses: ["Formats", "Notes", "Host", "BuildCache", "Planning"]),
        room("Records", uses: ["Formats", "Notes", "Host", "BuildCache"]),
        room("Report", uses: ["Formats", "Notes", "BuildHistory", "Planning", "Records", "Why"]),
        room(
            "Doctor",
            uses: [
                "Formats", "Notes", "Host", "Engine", "BuildCache", "PathMap", "Planning", "WorkingTree", "Shim",
                "Remote",
            ]),
        .executableTarget(
            name: "docker", dependencies: ["Shim"], swiftSettings: strict, linkerSettings: fullyStatic),
        .executableTarget(
            name: "slipway",
            dependencies: [
                "Formats", "Notes", "Host", "DockerCommandLine", "BuildCache", "Engine", "PackageCache", "PathMap",
                "Planning", "Shim", "Records", "Report", "Remote", "Doctor", "DockerClient", "Warm", "Sandbox",
                "DockerfileLint",
                "GitIndex",
                "WorkingTree",
                "BuildHistory", "Why",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict,
            linkerSettings: fullyStatic
        ),
        .target(
            name: "TestSupport", dependencies: ["Formats", "Host"], path: "Tests/TestSupport", swiftSettings: strict),
        tests(of: "Formats", uses: ["TestSupport"], resources: [.copy("sha256.txt")]),
        tests(of: "Notes", uses: ["Formats"]),
        tests(of: "Host", uses: ["CLinux", "Formats", "TestSupport"]),
        tests(
            of: "DockerCommandLine", uses: ["Formats"], resources: [.copy("corpus.txt"), .copy("flags.json")]),
        tests(of: "DockerfileLint", uses: ["Formats"], resources: [.copy("Corpus")]),
        tests(of: "PathMap", uses: ["Formats", "TestSupport"]),
        tests(of: "Engine", uses: ["Formats", "Notes", "Host", "PathMap", "TestSupport"]),
        tests(of: "BuildCache", uses: ["Formats", "Notes", "Host", "TestSupport"]),
        tests(of: "CacheUnion", uses: ["Formats", "TestSupport"]),
        tests(of: "PackageCache", uses: ["Formats"]),
        tests(of: "GitIndex", uses: ["Formats"]),
        tests(of: "BuildHistory", uses: ["Formats", "TestSupport"]),
        tests(of: "Why", uses: ["Formats", "Notes", "BuildHistory", "WorkingTree"]),
        tests(of: "WorkingTree", uses: ["Formats", "Host", "GitIndex", "BuildCache", "TestSupport"]),
        tests(
            of: "Planning", uses: ["Formats", "Notes", "DockerCommandLine", "PackageCache", "PathMap", "TestSupport"]),
        tests(
            of: "Shim",
            uses: [
                "DockerfileLint", "Engine", "Formats", "Notes", "Host", "DockerCommandLine", "PathMap", "Planning",
                "TestSupport",
            ]),
        tests(of: "Warm", uses: ["DockerClient", "Formats", "Host", "PackageCache", "Planning", "TestSupport"]),
        tests(of: "Sandbox", uses: ["DockerClient", "Formats", "Host", "Planning", "TestSupport"]),
        tests(of: "Remote", uses: ["Formats", "Notes", "Host", "BuildCache", "Planning", "TestSupport"]),
        tests(of: "Records", uses: ["Formats", "Notes", "Host", "TestSupport"]),
        tests(of: "Report", uses: ["Formats", "Notes", "BuildHistory", "Records", "Why", "TestSupport"]),
        tests(
            of: "slipway",
            uses: [
                "DockerfileLint", "Formats", "Host", "Notes", "PackageCache", "Records", "TestSupport", "Warm", "Why",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        tests(
            of: "Doctor",
            uses: [
                "CLinux", "Formats", "Notes", "Host", "Engine", "BuildCache", "PathMap", "Planning", "Remote", "Shim",
                "TestSupport",
            ]),
    ]
)
