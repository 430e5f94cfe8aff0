/* A tool of the network with a file capability: an echo by a raw socket, or a packet socket. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int packet(void) {
    int link = socket(17 /* AF_PACKET */, SOCK_DGRAM, htons(3 /* ETH_P_ALL */));
    if (link < 0) return perror("packet"), 1;
    puts("packets");
    return 0;
}

int main(int count, char **words) {
    unsigned char echo[8] = {8, 0, 0xf7, 0xfd, 0, 1, 0, 1}, answer[128];
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    struct timeval wait = {3, 0};
    if (count > 1) return packet();
    int link = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (link < 0) return perror("raw"), 1;
    setsockopt(link, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (sendto(link, echo, sizeof echo, 0, (void *)&where, sizeof where) < 0) return perror("send"), 1;
    for (int tries = 0; tries < 4; tries++)
        if (recv(link, answer, sizeof answer, 0) >= 28 && answer[20] == 0) return puts("answered"), 0;
    return puts("no answer"), 1;
}
