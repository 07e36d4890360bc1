FROM fedora:40
RUN dnf install -y zsh git && dnf clean all
RUN sh -c "$(curl -fsSL https://raw.example/ohmyzsh/install.sh)" "" --unattended
